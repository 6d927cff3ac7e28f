#!/bin/sh
# Process 1 of the initramfs: finds the host's files over 9p, and goes on with the laboratory's init on them.
for module in $(cat /modules); do insmod "/lib/$module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose rootfs /root
mount -t devtmpfs devtmpfs /root/dev
exec switch_root /root "$LAB_FOLDER/init"
