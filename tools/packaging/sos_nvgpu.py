# SPDX-License-Identifier: GPL-2.0-only
"""sos plugin: GPUs of Grace hosts for virtual machines."""

from sos.report.plugins import IndependentPlugin, Plugin


class Nvgpu(Plugin, IndependentPlugin):
    """Output of nvgpuctl and sysfs files of nvgpu-vfio-pci"""

    short_desc = "NVIDIA Grace GPUs for virtual machines"
    plugin_name = "nvgpu"
    profiles = ("hardware", "virt")
    packages = ("nvgpu-utils",)

    def setup(self):
        self.add_copy_spec([
            "/etc/driverctl.d/",
            "/proc/iomem",
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
