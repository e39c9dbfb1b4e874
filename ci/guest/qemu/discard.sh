#!/bin/sh
# Frees what a file had; the host sees it in its image.
set -e
mount /dev/sda1 /mnt
rm /mnt/file
sync
fstrim /mnt
umount /mnt
