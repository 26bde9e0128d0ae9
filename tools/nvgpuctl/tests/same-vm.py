#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compare the command lines of QEMU that libvirt and "nvgpuctl gen qemu" make.

usage: same-vm.py LIBVIRT GEN: files, the output of virsh domxml-to-native qemu-argv and of
nvgpuctl gen qemu --json. Compared is what nvgpuctl decides: RAM, CPUs, NUMA nodes,
distances, buses, SMMUs, GPUs, generic initiators, iommufd and the machine's options; ids
are replaced by what they stand for.

Exit status: 0 the same, 1 not, with the differences on the standard output.
"""

import json
import shlex
import sys

OPTIONS = ("-machine", "-smp", "-m", "-object", "-numa", "-device")
DEVICES = ("pxb-pcie", "arm-smmuv3", "pcie-root-port", "vfio-pci")
KEYS = ("driver", "bus_nr", "numa_node", "accel", "ats", "ril", "ssidsize", "oas", "rombar",
        "iommufd")


def size(text):
    """Return bytes of a number with or without unit."""
    return int(text.rstrip("kKMG")) << {"k": 10, "K": 10, "M": 20, "G": 30}.get(text[-1], 0)


def properties(value, first):
    """Return the properties of an option, written as JSON or separated by commas."""
    if value.startswith("{"):
        names = {True: "on", False: "off"}
        return {k: names[v] if isinstance(v, bool) else str(v)
                for k, v in json.loads(value).items()}
    return dict(word.split("=", 1) if "=" in word else (first, word)
                for word in value.split(","))


def describe(words):
    """Return the set of all that is compared."""
    result, devices = set(), {}
    options = [(a, properties(b, "driver")) for a, b in zip(words, words[1:]) if a in OPTIONS]

    def place(name):
        """What a device is, without its id: its number among the devices that are used."""
        device = devices.get(name)
        if not device:
            return name
        return tuple(device.get(k) for k in KEYS) + (place(device.get("bus")),)

    for option, p in options:
        if option == "-device" and p["driver"].removesuffix("-nohotplug") in DEVICES:
            devices[p.get("id")] = p
            p["driver"] = p["driver"].removesuffix("-nohotplug")
    gpus = [d["id"] for d in devices.values() if d["driver"] == "vfio-pci"]
    for option, p in options:
        kind = p.get("driver", p.get("qom-type"))
        if option == "-numa" and "src" in p:
            if p["src"] != p["dst"]:
                result.add(("distance", *sorted((int(p["src"]), int(p["dst"]))), p["val"]))
        elif option == "-numa":
            result.add(("node", p["nodeid"], p.get("cpus")))
        elif option == "-smp":
            result.add((option, kind, p.get("sockets")))
        elif option == "-m":
            result.add(("memory", size(p.get("size", kind))))
        elif option == "-machine":
            result.update((k, p[k]) for k in ("gic-version", "ras") if k in p)
            result.update((k, size(p[k])) for k in p if k == "highmem-mmio-size")
        elif kind == "acpi-generic-initiator":
            result.add((kind, gpus.index(p["pci-dev"]), p["node"]))
        elif kind.startswith("memory-backend"):
            result.add((kind, size(p["size"])))
        elif kind == "iommufd":
            result.add((kind,))
        elif kind == "vfio-pci":
            result.add((gpus.index(p["id"]), place(p["id"])))
        elif kind == "arm-smmuv3":
            result.add((place(p["id"]), place(p["primary-bus"])))
    return result


with open(sys.argv[1], encoding="utf-8") as libvirt, open(sys.argv[2], encoding="utf-8") as gen:
    LIBVIRT, GEN = describe(shlex.split(libvirt.read())), describe(json.load(gen)["argv"])
for difference in sorted(map(str, LIBVIRT - GEN)):
    print("libvirt only:", difference)
for difference in sorted(map(str, GEN - LIBVIRT)):
    print("gen qemu only:", difference)
sys.exit(LIBVIRT != GEN or not GEN)
