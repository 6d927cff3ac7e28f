#!/bin/sh
# Process 1 of the laboratory's user-mode Linux. Runs $LAB_FOLDER/command with standard output to the first serial
# line, leaves its exit status in $LAB_FOLDER/status, and switches the machine off.
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
ln -s "/usr/lib/uml/modules/$(uname -r)" /run/kernel/lib/modules/
printf '#!/bin/sh\nexec /sbin/modprobe -d /run/kernel "$@"\n' >/run/kernel/modprobe
chmod 755 /run/kernel/modprobe
echo /run/kernel/modprobe >/proc/sys/kernel/modprobe

if modprobe ip_gre; then
  stty -opost </dev/ttyS0
  sh "$LAB_FOLDER/command" >/dev/ttyS0
  echo $? >"$LAB_FOLDER/status"
else
  echo "user-mode Linux $(uname -r) cannot load ip_gre from /usr/lib/uml/modules" >&2
fi

# Power off. Process 1 must not end before that, the kernel would panic.
echo o >/proc/sysrq-trigger
while :; do sleep 1; done
