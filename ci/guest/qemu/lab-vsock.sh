#!/bin/sh
# The tests of AF_VSOCK forwarding, where this kernel's loopback answers: lab-vsock.sh PROGRAM FOLDER, the
# folder being what cargo builds in.
set -e
/usr/bin/modprobe vsock_loopback
# The folders to write to may hide it. Tests know their daemon by its path.
[ -e "/mnt$1" ] || {
  mkdir -p "/mnt$2"
  mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=524288 target "/mnt$2"
}
said=$(chroot /mnt "$1" --nocapture forwarded 2>&1) || failed=1
echo "$said"
[ -z "$failed" ]
echo "$said" | grep -q "test result: ok. 2 passed"
! echo "$said" | grep "has no vsock loopback"
