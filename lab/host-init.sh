#!/bin/sh
# Process 1 of the laboratory's namespaces on the host. Runs $1/command with standard output to file descriptor 3, and
# leaves its exit status in $1/status.
exec 2>"$1/stderr"
mount -t tmpfs tmpfs /run && mkdir -p /run/home /run/tmp || exit
HOME=/run/home TMPDIR=/run/tmp sh "$1/command" >&3 3>&-
echo $? >"$1/status"
