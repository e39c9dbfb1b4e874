/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The smallest guest that reads entropy: PVH entry, 32 bits, no paging, no interrupts. It looks for a
 * virtio-mmio entropy device (BASE, given to the compiler), drives it by polling, and says on port 0xe9
 * what it found, which Xen prints where guest_loglvl=all. With ACCESS_PLATFORM under Xen, it grants its
 * pages to domain 0 and names them by references.
 *
 *   gcc -m32 -ffreestanding -fno-pic -fno-stack-protector -mno-sse -O2 -nostdlib -static \
 *       -Wl,-T,guest.ld -Wl,--build-id=none -DBASE=0xfe000000 -o guest guest.c
 *
 * Without Xen it runs on QEMU's microvm, where the entropy device is the last of 24:
 *   gcc ... -DBASE='0xfeb00000+23*512' ...
 *   qemu-system-x86_64 -M microvm -global virtio-mmio.force-legacy=false -accel tcg -m 64 -nodefaults \
 *       -display none -kernel guest -device virtio-rng-device \
 *       -chardev stdio,id=d -device isa-debugcon,iobase=0xe9,chardev=d
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define PAGE 4096u
#define ROUNDS 16u
#define BYTES 64u
/* Where the grant table is put: far above the guest's memory, below the device. */
#define GRANT_TABLE_FRAME 0xf0000u
#define FIRST_REFERENCE 8u

/* The note that makes it a PVH kernel, and the entry. */
asm(".section .note.Xen,\"a\",@note\n"
    ".balign 4\n"
    ".long 4, 4, 18\n"
    ".asciz \"Xen\"\n"
    ".long start\n"
    ".section .text.start,\"ax\"\n"
    ".globl start\n"
    "start: mov $stack_top, %esp\n"
    "xor %ebp, %ebp\n"
    "call run\n"
    "1: hlt\n"
    "jmp 1b\n"
    ".section .bss\n"
    ".balign 16\n"
    ".skip 16384\n"
    "stack_top:\n"
    ".text\n");

struct descriptor { u64 address; u32 length; u16 flags; u16 next; };
struct available { u16 flags; u16 index; u16 ring[8]; };
struct used { u16 flags; u16 index; struct { u32 id; u32 length; } ring[8]; };
struct grant { u16 flags; u16 domain; u32 frame; };
struct physmap { u16 domain; u16 size; u32 space; u32 index; u32 frame; };

/* One page for each part, so that each has its own reference. */
static volatile u8 pages[4][PAGE] __attribute__((aligned(4096)));
static u8 hypercalls[PAGE] __attribute__((aligned(4096)));

static void put(char c) { asm volatile("outb %0, $0xe9" : : "a"(c)); }

static void say(const char *text)
{
    while (*text)
        put(*text++);
}

static void number(u32 value)
{
    for (int shift = 28; shift >= 0; shift -= 4)
        put("0123456789abcdef"[value >> shift & 15]);
}

static volatile u32 *reg(u32 offset) { return (volatile u32 *)(BASE + offset); }

static void features(u32 select, u32 value)
{
    *reg(0x024) = select;
    *reg(0x020) = value;
}

static u32 offered(u32 select)
{
    *reg(0x014) = select;
    return *reg(0x010);
}

/* Nonzero if it runs on Xen, whose hypercalls can then be made. */
static int find_xen(void)
{
    for (u32 leaf = 0x40000000; leaf < 0x40010000; leaf += 0x100) {
        u32 a = leaf, b, c, d;
        asm volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
        if (b != 0x566e6558 || c != 0x65584d4d || d != 0x4d4d566e) /* "XenVMMXenVMM" */
            continue;
        a = leaf + 2;
        asm volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
        asm volatile("wrmsr" : : "c"(b), "a"(hypercalls), "d"(0) : "memory");
        return 1;
    }
    return 0;
}

static int memory_op(u32 command, void *argument)
{
    int result;
    asm volatile("call *%1"
                 : "=a"(result), "+r"((u32){ (u32)hypercalls + 12 * 32 }), "+b"(command), "+c"(argument)
                 : : "memory", "edx", "esi", "edi");
    return result;
}

/* Grants all pages to domain 0, in this order. */
static int grant(void)
{
    struct physmap map = { 0x7ff0, 0, 1, 0, GRANT_TABLE_FRAME }; /* of itself, space: grant table */
    volatile struct grant *table = (volatile struct grant *)(GRANT_TABLE_FRAME * PAGE);
    int result = memory_op(7, &map); /* add to physmap */
    if (result)
        return result;
    for (u32 page = 0; page < 4; page++) {
        volatile struct grant *entry = &table[FIRST_REFERENCE + page];
        entry->domain = 0;
        entry->frame = (u32)pages[page] / PAGE;
        asm volatile("" : : : "memory");
        entry->flags = 1; /* permit access */
    }
    return 0;
}

static void set64(u32 offset, u64 value)
{
    *reg(offset) = (u32)value;
    *reg(offset + 4) = (u32)(value >> 32);
}

void run(void)
{
    volatile struct descriptor *descriptors = (void *)pages[0];
    volatile struct available *available = (void *)pages[1];
    volatile struct used *used = (void *)pages[2];
    u64 address[4];
    u32 different = 0, last = 0;
    int granted = 0;

    say("GUEST starts\n");
    /* The frontend may come later than the guest. */
    while (*reg(0x000) != 0x74726976 || *reg(0x008) != 4)
        asm volatile("pause");
    if (*reg(0x004) != 2) {
        say("GUEST FAILED version\n");
        return;
    }
    *reg(0x070) = 0;
    *reg(0x070) = 3;
    if (!(offered(1) & 1)) {
        say("GUEST FAILED not VERSION_1\n");
        return;
    }
    if (offered(1) & 2 && find_xen()) {
        int result = grant();
        if (result) {
            say("GUEST FAILED grant table ");
            number(result);
            say("\n");
            return;
        }
        granted = 1;
    }
    for (u32 page = 0; page < 4; page++)
        address[page] = granted ? 1ull << 63 | (u64)(FIRST_REFERENCE + page) * PAGE : (u32)pages[page];
    features(0, 0);
    features(1, granted ? 3 : 1);
    *reg(0x070) = 11;
    if (!(*reg(0x070) & 8)) {
        say("GUEST FAILED features\n");
        return;
    }
    *reg(0x030) = 0;
    *reg(0x038) = 8;
    set64(0x080, address[0]);
    set64(0x090, address[1]);
    set64(0x0a0, address[2]);
    *reg(0x044) = 1;
    *reg(0x070) = 15;
    for (u32 round = 0; round < ROUNDS; round++) {
        volatile u32 *answer = (volatile u32 *)pages[3];
        for (u32 word = 0; word < BYTES / 4; word++)
            answer[word] = 0;
        descriptors[0].address = address[3];
        descriptors[0].length = BYTES;
        descriptors[0].flags = 2; /* the device writes */
        available->ring[round % 8] = 0;
        asm volatile("lock; addl $0, (%%esp)" : : : "memory");
        available->index = (u16)(round + 1);
        asm volatile("lock; addl $0, (%%esp)" : : : "memory");
        *reg(0x050) = 0;
        while (used->index != (u16)(round + 1))
            asm volatile("pause" : : : "memory");
        u32 length = used->ring[round % 8].length;
        if (length == 0 || length > BYTES) {
            say("GUEST FAILED length ");
            number(length);
            say("\n");
            return;
        }
        different += answer[0] != last && answer[0] != 0;
        last = answer[0];
    }
    *reg(0x070) = 0;
    say(different >= ROUNDS - 1 ? "GUEST ok " : "GUEST FAILED bytes ");
    say(granted ? "grant " : "foreign ");
    number(different);
    say("\n");
}
