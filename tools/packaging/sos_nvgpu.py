# SPDX-License-Identifier: GPL-2.0-only
"""sos plugin: GPUs of Grace hosts that are given to virtual machines."""

from sos.report.plugins import IndependentPlugin, Plugin


class Nvgpu(Plugin, IndependentPlugin):
    """What nvgpuctl and the sysfs files of nvgpu-vfio-pci tell"""

    short_desc = "NVIDIA Grace GPUs for virtual machines"
    plugin_name = "nvgpu"
    profiles = ("hardware", "virt")
    packages = ("nvgpu-utils",)

    def setup(self):
        self.add_copy_spec([
            "/etc/driverctl.d/",
            "/proc/iomem",
            "/run/nvgpuctl/",
            "/sys/bus/pci/devices/*/coherent_memory/",
            "/sys/bus/pci/devices/*/driver_override",
        ])
        self.add_cmd_output([
            "nvgpuctl list --tree",
            "nvgpuctl show --json",
            "nvgpuctl doctor",
            "nvgpuctl alias",
            "nvgpuctl report --output -",
        ])
