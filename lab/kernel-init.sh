#!/bin/sh
# Process 1 of the laboratory's own kernels. Runs $LAB_FOLDER/command with standard output to the serial line
# $LAB_OUTPUT, leaves its exit status in $LAB_FOLDER/status, and switches the machine off. The kernel's modules are in
# $LAB_MODULES.
export PATH=/run/kernel:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/run/home TMPDIR=/run/tmp

exec 2>"$LAB_FOLDER/stderr"
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p "$HOME" "$TMPDIR" /run/kernel/lib/modules
ln -s /proc/self/fd /dev/fd

# modprobe looks for modules in /lib/modules, which belongs to the host: it is given a folder of its own, both when
# called by name and when the kernel calls it.
ln -s "$LAB_MODULES/$(uname -r)" /run/kernel/lib/modules/
printf '#!/bin/sh\nexec /sbin/modprobe -d /run/kernel "$@"\n' >/run/kernel/modprobe
chmod 755 /run/kernel/modprobe
echo /run/kernel/modprobe >/proc/sys/kernel/modprobe

if modprobe ip_gre; then
  stty -opost <"/dev/$LAB_OUTPUT"
  sh "$LAB_FOLDER/command" >"/dev/$LAB_OUTPUT"
  echo $? >"$LAB_FOLDER/status"
else
  echo "the laboratory's kernel $(uname -r) cannot load ip_gre from $LAB_MODULES" >&2
fi

# Power off, with nothing left unwritten. Process 1 must not end before that, the kernel would panic.
sync
echo o >/proc/sysrq-trigger
while :; do sleep 1; done
