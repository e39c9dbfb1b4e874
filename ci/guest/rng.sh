# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# The entropy device, as the kernel's generator and through /dev/hwrng.
. /guest/lib.sh

driver 4
current=$(cat /sys/class/misc/hw_random/rng_current)
case $current in
virtio_rng*) did "hwrng is $current" ;;
*) fail "the current hwrng is $current" ;;
esac

dd if=/dev/hwrng of=/tmp/a bs=4096 count=64 iflag=fullblock 2>/dev/null
dd if=/dev/hwrng of=/tmp/b bs=4096 count=64 iflag=fullblock 2>/dev/null
for file in /tmp/a /tmp/b; do
    [ "$(wc -c < $file)" = 262144 ] || fail "$file is short"
done
cmp -s /tmp/a /tmp/b && fail "two reads are the same"
did "2 reads of 256 KiB differ"

# Odd lengths, which end in the middle of a buffer.
for length in 1 7 63 65 4097; do
    [ "$(dd if=/dev/hwrng bs=$length count=1 iflag=fullblock 2>/dev/null | wc -c)" = "$length" ] ||
        fail "a read of $length bytes is short"
done

blocks=${BLOCKS:-1000}

# 2500 bytes a block through the tests of FIPS 140-2. Of 1000 good blocks one is expected to fail.
dd if=/dev/hwrng bs=2500 count=$((blocks + 1)) iflag=fullblock 2>/dev/null | rngtest -c "$blocks" 2> /tmp/said || true
failed=$(sed -n 's/.*FIPS 140-2 failures: //p' /tmp/said)
passed=$(sed -n 's/.*FIPS 140-2 successes: //p' /tmp/said)
echo "rngtest: $passed passed, $failed failed"
[ "$((passed + failed))" = "$blocks" ] || fail "rngtest saw $passed + $failed blocks"
[ "$failed" -le $((3 + blocks / 125)) ] || fail "rngtest rejects $failed of $blocks blocks"
did "rngtest takes $passed of $blocks blocks"
