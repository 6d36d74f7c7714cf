# U-Boot runs this from the first partition of the card: bitstream first, then the bridges, then Linux.
# Bridges: 2 (registers, lightweight HPS-to-FPGA) + 4 (memory, FPGA-to-HPS); none is opened to a fabric that is not there.
setenv bootargs console=ttyS0,115200 root=/dev/mmcblk0p2 rw rootwait
if load mmc 0:1 ${kernel_addr_r} soc_system.rbf; then
	if fpga load 0 ${kernel_addr_r} ${filesize}; then
		bridge enable 6
	else
		echo "The bitstream did not load: are the switches MSEL[4:0] at 01010?"
	fi
else
	echo "No soc_system.rbf on the first partition: booting without the accelerator"
fi
load mmc 0:1 ${fdt_addr_r} soc_system.dtb
load mmc 0:1 ${kernel_addr_r} zImage
if load mmc 0:1 ${ramdisk_addr_r} initrd.img; then
	bootz ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdt_addr_r}
else
	bootz ${kernel_addr_r} - ${fdt_addr_r}
fi
