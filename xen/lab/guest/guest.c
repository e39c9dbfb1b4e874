/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The smallest guest that reads entropy: PVH entry, 32 bits, no paging. It looks for virtio-mmio devices
 * (BASE, given to the compiler, and each 512 bytes from there), drives them by polling, and says on port 0xe9
 * what it found, which Xen prints where guest_loglvl=all. With ACCESS_PLATFORM under Xen, it grants its pages
 * to domain 0 and names them by references.
 *
 * It knows entropy devices, and consoles at whose other end somebody sends back all that comes. It makes all
 * queues ready that there are, up to QUEUES, and uses the first one or two. Its command
 * line has devices=N (one unless told), "endless" if it is to go on until it is destroyed, and "sleeps" if it
 * is to wait for interrupts with its processor halted: the first device's is vector VECTOR, and so on.
 *
 *   gcc -m32 -ffreestanding -fno-pic -fno-stack-protector -mno-sse -O2 -nostdlib -static \
 *       -Wl,-T,guest.ld -Wl,--build-id=none -DBASE=0xfe000000 -o guest guest.c
 *
 * Without Xen it runs on QEMU's microvm, where the first device is the last of 24:
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
/* What a guest that goes on for ever says something after. */
#define NEWS 16u
#define BYTES 64u
#define DEVICES 3u
#define QUEUES 4u
#define PARTS 4u
#define RING 8u
#define ENTROPY 4u
#define CONSOLE 3u
/* Where the grant table is put: far above the guest's memory, below the device. */
#define GRANT_TABLE_FRAME 0xf0000u
#define FIRST_REFERENCE 8u
#define VECTOR 64u
/* Registers of the processor's interrupt controller, and the vector of its spurious interrupts. */
#define APIC_END 0xfee000b0u
#define APIC_ENABLE 0xfee000f0u
#define SPURIOUS 255u

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
    "push %ebx\n"
    "call run\n"
    "1: hlt\n"
    "jmp 1b\n"
    ".section .bss\n"
    ".balign 16\n"
    ".skip 16384\n"
    "stack_top:\n"
    ".text\n");

/* What interrupts of each device come to, and one of none. */
asm("entry0: pushal; pushl $0; jmp handle\n"
    "entry1: pushal; pushl $1; jmp handle\n"
    "entry2: pushal; pushl $2\n"
    "handle: cld; call interrupt; addl $4, %esp; popal\n"
    "spurious: iret\n");
extern const char entry0[], entry1[], entry2[], spurious[];

struct descriptor { u64 address; u32 length; u16 flags; u16 next; };
struct available { u16 flags; u16 index; u16 ring[RING]; };
struct used { u16 flags; u16 index; struct { u32 id; u32 length; } ring[RING]; };
struct grant { u16 flags; u16 domain; u32 frame; };
struct physmap { u16 domain; u16 size; u32 space; u32 index; u32 frame; };
struct gate { u16 low; u16 selector; u16 kind; u16 high; };
struct table { u16 limit; u32 base; } __attribute__((packed));
struct start_info { u32 magic; u32 version; u32 flags; u32 modules; u64 module_list; u64 command_line; };

/* One page for each part of a queue (descriptors, available, used, data), so that each has its reference. */
static volatile u8 pages[DEVICES][QUEUES][PARTS][PAGE] __attribute__((aligned(4096)));
static u8 hypercalls[PAGE] __attribute__((aligned(4096)));
static int granted;
static int sleeps;
static int endless;

struct device {
    u32 number;
    u32 kind;
    u32 queues;
    u16 sent[QUEUES];
    u32 last;      /* what the first bytes were */
    u32 different; /* how often they were others than the time before */
    volatile u32 interrupts; /* since it was set up */
};

static struct device devices[DEVICES];

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

/* The end: a processor that waits for no interrupt is a domain that powers off. */
static void fail(const char *what, u32 value)
{
    say("GUEST FAILED ");
    say(what);
    say(" ");
    number(value);
    say("\n");
    for (;;)
        asm volatile("cli; hlt");
}

static void relax(void) { asm volatile("pause" : : : "memory"); }

static void barrier(void) { asm volatile("lock; addl $0, (%%esp)" : : : "memory"); }

/* What comes after a word, if it is there. */
static const char *after(const char *text, const char *word)
{
    for (; text && *text; text++) {
        u32 length = 0;
        while (word[length] && text[length] == word[length])
            length++;
        if (!word[length])
            return text + length;
    }
    return 0;
}

static volatile u32 *reg(const struct device *device, u32 offset)
{
    return (volatile u32 *)(BASE + 512 * device->number + offset);
}

static void features(const struct device *device, u32 select, u32 value)
{
    *reg(device, 0x024) = select;
    *reg(device, 0x020) = value;
}

static u32 offered(const struct device *device, u32 select)
{
    *reg(device, 0x014) = select;
    return *reg(device, 0x010);
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
static void grant(void)
{
    struct physmap map = { 0x7ff0, 0, 1, 0, GRANT_TABLE_FRAME }; /* of itself, space: grant table */
    volatile struct grant *table = (volatile struct grant *)(GRANT_TABLE_FRAME * PAGE);
    int result = memory_op(7, &map); /* add to physmap */
    if (result)
        fail("grant table", result);
    for (u32 page = 0; page < sizeof(pages) / PAGE; page++) {
        volatile struct grant *entry = &table[FIRST_REFERENCE + page];
        entry->domain = 0;
        entry->frame = (u32)pages / PAGE + page;
        asm volatile("" : : : "memory");
        entry->flags = 1; /* permit access */
    }
    granted = 1;
}

/* Called with interrupts off. */
__attribute__((used, regparm(0))) void interrupt(u32 index)
{
    struct device *device = &devices[index];
    u32 causes = *reg(device, 0x060);
    *reg(device, 0x064) = causes;
    /* Whose only request was just answered has nothing more to say. */
    if (device->kind == ENTROPY && !endless && (causes != 1 || *reg(device, 0x060)))
        fail("causes", causes);
    device->interrupts++;
    *(volatile u32 *)APIC_END = 0;
}

static void set_gate(struct gate *gate, const char *entry)
{
    gate->low = (u16)(u32)entry;
    gate->selector = 8;
    gate->kind = 0x8e00;
    gate->high = (u32)entry >> 16;
}

/* Interrupts reach the handlers from now on. They are off except where the processor is halted. */
static void take_interrupts(void)
{
    static const char *const entries[DEVICES] = { entry0, entry1, entry2 };
    static const u64 segments[3] = { 0, 0x00cf9a000000ffffull, 0x00cf92000000ffffull };
    static struct gate gates[256];
    struct table global = { sizeof(segments) - 1, (u32)segments };
    struct table vectors = { sizeof(gates) - 1, (u32)gates };
    for (u32 index = 0; index < DEVICES; index++)
        set_gate(&gates[VECTOR + index], entries[index]);
    set_gate(&gates[SPURIOUS], spurious);
    asm volatile("lgdt %0\n"
                 "ljmp $8, $1f\n"
                 "1: mov %2, %%ds; mov %2, %%es; mov %2, %%ss\n"
                 "lidt %1"
                 : : "m"(global), "m"(vectors), "r"(16) : "memory");
    *(volatile u32 *)APIC_ENABLE = 0x100 | SPURIOUS;
}

/* What the device calls a part of a queue. */
static u64 address(const struct device *device, u32 queue, u32 part)
{
    u32 page = (device->number * QUEUES + queue) * PARTS + part;
    return granted ? 1ull << 63 | (u64)(FIRST_REFERENCE + page) * PAGE : (u32)pages + page * PAGE;
}

static void set64(const struct device *device, u32 offset, u64 value)
{
    *reg(device, offset) = (u32)value;
    *reg(device, offset + 4) = (u32)(value >> 32);
}

/* From whatever state it is in. */
static void set_up(struct device *device)
{
    *reg(device, 0x070) = 0;
    while (*reg(device, 0x070))
        relax();
    *reg(device, 0x070) = 3;
    if (!(offered(device, 1) & 1))
        fail("not VERSION_1", device->number);
    if (!granted && offered(device, 1) & 2 && find_xen())
        grant();
    features(device, 0, 0);
    features(device, 1, granted ? 3 : 1);
    *reg(device, 0x070) = 11;
    if (!(*reg(device, 0x070) & 8))
        fail("features", device->number);
    device->interrupts = 0;
    for (device->queues = 0; device->queues < QUEUES; device->queues++) {
        u32 queue = device->queues;
        *reg(device, 0x030) = queue;
        if (*reg(device, 0x034) < RING)
            break;
        for (u32 part = 0; part < PARTS; part++)
            for (u32 byte = 0; byte < PAGE; byte++)
                pages[device->number][queue][part][byte] = 0;
        device->sent[queue] = 0;
        *reg(device, 0x038) = RING;
        set64(device, 0x080, address(device, queue, 0));
        set64(device, 0x090, address(device, queue, 1));
        set64(device, 0x0a0, address(device, queue, 2));
        *reg(device, 0x044) = 1;
    }
    if (device->queues < (device->kind == CONSOLE ? 2u : 1u))
        fail("queues", device->queues);
    *reg(device, 0x070) = 15;
}

static volatile u8 *data(const struct device *device, u32 queue)
{
    return pages[device->number][queue][3];
}

/* Hands the queue's data page to the device. */
static void request(struct device *device, u32 queue, u32 length, int device_writes)
{
    volatile struct descriptor *descriptor = (void *)pages[device->number][queue][0];
    volatile struct available *available = (void *)pages[device->number][queue][1];
    descriptor->address = address(device, queue, 3);
    descriptor->length = length;
    descriptor->flags = device_writes ? 2 : 0;
    available->ring[device->sent[queue] % RING] = 0;
    barrier();
    available->index = ++device->sent[queue];
    barrier();
    *reg(device, 0x050) = queue;
}

/* Each answer of a device with one queue has an interrupt, which may come after the answer was seen. */
static int lacks_interrupts(const struct device *device)
{
    return sleeps && device->kind == ENTROPY && device->interrupts < device->sent[0];
}

/* It says so, or has forgotten what it was told, or is not there at all. */
static int must_reset(const struct device *device)
{
    u32 status = *reg(device, 0x070);
    return status & 0x40 || !(status & 4);
}

/* How many bytes the device wrote, or -1 if it says that it must be reset. */
static int answer(struct device *device, u32 queue)
{
    volatile struct used *used = (void *)pages[device->number][queue][2];
    for (u32 spins = 1; used->index != device->sent[queue] || lacks_interrupts(device); spins++) {
        if (sleeps)
            asm volatile("sti; hlt; cli" : : : "memory");
        else
            relax();
        if ((sleeps || spins % 65536 == 0) && must_reset(device))
            return -1;
    }
    barrier();
    return used->ring[(device->sent[queue] - 1) % RING].length;
}

/* Both return 0 if the device must be reset before. */
static int read_entropy(struct device *device)
{
    volatile u32 *words = (volatile u32 *)data(device, 0);
    for (u32 word = 0; word < BYTES / 4; word++)
        words[word] = 0;
    request(device, 0, BYTES, 1);
    int length = answer(device, 0);
    if (length < 0)
        return 0;
    if (length == 0 || length > (int)BYTES)
        fail("length", length);
    device->different += words[0] != device->last && words[0] != 0;
    device->last = words[0];
    return 1;
}

static int echo(struct device *device)
{
    u32 value = ++device->last;
    volatile u8 *sent = data(device, 1);
    for (u32 byte = 0; byte < 8; byte++)
        sent[byte] = "0123456789abcdef"[value >> (28 - 4 * byte) & 15];
    request(device, 0, BYTES, 1);
    request(device, 1, 8, 0);
    for (u32 byte = 0; byte < 8;) {
        int length = answer(device, 0);
        if (length < 0)
            return 0;
        if (length == 0 || length > (int)(8 - byte))
            fail("length", length);
        for (int at = 0; at < length; at++, byte++)
            if (data(device, 0)[at] != sent[byte])
                fail("byte", byte);
        if (byte < 8)
            request(device, 0, BYTES, 1);
    }
    if (answer(device, 1) < 0)
        return 0;
    device->different++;
    return 1;
}

void run(const struct start_info *start)
{
    const char *words = (const char *)(u32)start->command_line;
    const char *count = after(words, "devices=");
    u32 all = count ? *count - '0' : 1;

    endless = after(words, "endless") != 0;
    say("GUEST starts\n");
    sleeps = after(words, "sleeps") != 0;
    if (sleeps)
        take_interrupts();
    if (all < 1 || all > DEVICES)
        fail("devices", all);
    for (u32 index = 0; index < all; index++) {
        struct device *device = &devices[index];
        device->number = index;
        /* The frontend may come later than the guest. */
        while (*reg(device, 0x000) != 0x74726976 || *reg(device, 0x008) == 0)
            relax();
        if (*reg(device, 0x004) != 2)
            fail("version", index);
        device->kind = *reg(device, 0x008);
        if (device->kind != ENTROPY && device->kind != CONSOLE)
            fail("kind", device->kind);
        set_up(device);
    }
    for (u32 round = 1; endless || round <= ROUNDS; round++) {
        for (u32 index = 0; index < all; index++) {
            struct device *device = &devices[index];
            while (!(device->kind == CONSOLE ? echo(device) : read_entropy(device))) {
                say("GUEST resets ");
                number(index);
                say("\n");
                set_up(device);
            }
        }
        if (endless && round % NEWS == 0) {
            say("GUEST reads ");
            number(round);
            say("\n");
        }
    }
    for (u32 index = 0; index < all; index++) {
        *reg(&devices[index], 0x070) = 0;
        if (*reg(&devices[index], 0x060))
            fail("causes after a reset", index);
        if (sleeps && devices[index].kind == ENTROPY && devices[index].interrupts != ROUNDS)
            fail("interrupts", devices[index].interrupts);
        if (devices[index].different < ROUNDS - 1)
            fail("bytes", devices[index].different);
    }
    say("GUEST ok ");
    say(granted ? "grant " : "foreign ");
    say(sleeps ? "sleeps " : "");
    for (u32 index = 0; index < all; index++) {
        number(devices[index].different);
        say(index + 1 < all ? " " : "\n");
    }
}
