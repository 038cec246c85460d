/* Sums of doubles of which rounding loses nothing that shows: each is a pair of doubles, high + low.

   Each loop has a twin of numpy operations: compiled.py says which. Arrays in, arrays out; no memory of its own and no
   state. All bounds are checked here, and a call that breaks one gives BROKEN.

   Two ways to add. `add` takes any double, with a relative error below 2^-105 a step (M. Joldes, J.-M. Muller, V. Popescu,
   "Tight and rigorous error bounds for basic building blocks of double-word arithmetic", 2017, algorithm 4).

   The other takes a fifth of the time, and rounds nothing. Where all magnitudes lie between 2^f and 2^e, and 2^t values
   are added, e + 2t <= f + 54, each value is split at `split` = 1.5 * 2^(e+t) into
        head = (x + split) - split        a multiple of 2^(e+t-52); 2^t of them add up to less than 2^(e+t+1)
        rest = x - head                   a multiple of 2^(f-52); 2^t of them add up to at most 2^(e+2t-53)
   so that plain sums of heads and of rests are exact, in any order (S. Rump, T. Ogita, S. Oishi, "Accurate floating-point
   summation", 2008). After 2^t values both are added to the pairs. */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0 || defined(__FAST_MATH__)
#error "sums need arithmetic of doubles as IEEE 754 has it; numpy does them instead"
#endif

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

enum { FINE, BROKEN };
enum { GROUPS = 256, TURNS = 4, MOST_BITS = 20, FEWEST_BITS = 6 };

#if defined(__GNUC__)
typedef struct {
    double high, low;
} __attribute__((aligned(16))) Pair;
typedef double Two __attribute__((vector_size(16), may_alias));
typedef double Four __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t Bits __attribute__((vector_size(32), may_alias));
#define INLINE static inline __attribute__((always_inline))
#else
typedef struct {
    double high, low;
} Pair;
#define INLINE static inline
#endif

/* Each loop twice, the second time for processors that take four values at once. */
#if defined(__GNUC__) && defined(__x86_64__)
#define TWICE(name, parameters, arguments)                                                                             \
    static int name##_by_two parameters { return name##_body arguments; }                                              \
    __attribute__((target("avx2"))) static int name##_by_four parameters { return name##_body arguments; }             \
    EXPORT int skysql_##name parameters {                                                                              \
        return __builtin_cpu_supports("avx2") ? name##_by_four arguments : name##_by_two arguments;                    \
    }
#else
#define TWICE(name, parameters, arguments)                                                                             \
    EXPORT int skysql_##name parameters { return name##_body arguments; }
#endif

INLINE Pair add(Pair sum, double x) {
    double s = sum.high + x, b = s - sum.high;
    double low = ((sum.high - (s - b)) + (x - b)) + sum.low;
    double high = s + low;
    return (Pair){high, low - (high - s)};
}

/* How values are split: 2^bits of them at a time, or none if bits is 0. It serves for 0 and what lies from 2^f to 2^e. */
typedef struct {
    double split;
    int bits, f, e;
} Split;

/* f of 2^f <= x < 2^(f+1); of what is no number of usual size, something that ends in no split. */
INLINE int exponent(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (int)(bits >> 52 & 0x7ff) - 1023;
}

typedef struct {
    double least, most;
} Magnitudes;

/* Those of all values but 0. */
INLINE Magnitudes measured(const double *values, int64_t n) {
    Magnitudes found = {INFINITY, 0};
    int64_t at = 0;
#if defined(__GNUC__)
#define CHOSEN(where, x, y) ((Four)(((Bits)(x) & (where)) | ((Bits)(y) & ~(where))))
    const Four none = {0}, all = {INFINITY, INFINITY, INFINITY, INFINITY};
    const Bits size = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    Four leasts[2] = {all, all}, mosts[2] = {none, none};
    for (; at + 8 <= n; at += 8)
        for (int turn = 0; turn < 2; turn++) {
            Four x = (Four)((Bits)*(const Four *)(values + at + 4 * turn) & size);
            Four other = (Four)((Bits)x | ((x == none) & (Bits)all));
            mosts[turn] = CHOSEN(x > mosts[turn], x, mosts[turn]);
            leasts[turn] = CHOSEN(other < leasts[turn], other, leasts[turn]);
        }
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < 4; i++) {
            if (leasts[turn][i] < found.least) found.least = leasts[turn][i];
            if (mosts[turn][i] > found.most) found.most = mosts[turn][i];
        }
#endif
    for (; at < n; at++) {
        double x = fabs(values[at]);
        if (x > 0 && x < found.least) found.least = x;
        if (x > found.most) found.most = x;
    }
    return found.most > 0 ? found : (Magnitudes){1, 1};
}

/* How to add up to n values a sum. */
INLINE Split split_of(Magnitudes of, int64_t n) {
    Split found = {0, 0, 0, 0};
    int f = exponent(of.least), e = exponent(of.most) + 1, needed = FEWEST_BITS;
    if (f < -900 || e > 960 || f > e) return found;
    int bits = (f + 54 - e) / 2;
    if (bits < FEWEST_BITS) return found;
    while (needed < MOST_BITS && (int64_t)1 << needed < n) needed++;
    if (bits > needed) bits = needed;
    int spare = f + 54 - e - 2 * bits;
    found = (Split){0, bits, f - spare / 2, e + (spare + 1) / 2};
    uint64_t power = (uint64_t)(found.e + bits + 1023) << 52 | (uint64_t)1 << 51;
    memcpy(&found.split, &power, sizeof power);
    return found;
}

INLINE Split split_for(const double *values, int64_t n, int64_t added, double least, double most) {
    return split_of(least > 0 ? (Magnitudes){least, most} : measured(values, n), added);
}

/* A sum of heads and one of rests as a pair. */
INLINE Pair paired(Pair sum) {
    double s = sum.high + sum.low, b = s - sum.high;
    return (Pair){s, (sum.high - (s - b)) + (sum.low - b)};
}

INLINE Pair plain(Pair sum, double x, double split) {
    double head = (x + split) - split;
    return (Pair){sum.high + head, sum.low + (x - head)};
}

/* The sums of heads and of rests. */
INLINE Pair exact(const double *values, int64_t n, double split) {
    Pair sum = {0, 0};
    int64_t at = 0;
#if defined(__GNUC__)
    const Four by = {split, split, split, split};
    Four heads = {0}, rests = {0}, more_heads = {0}, more_rests = {0};
    for (; at + 8 <= n; at += 8) {
        Four x = *(const Four *)(values + at), y = *(const Four *)(values + at + 4);
        Four head = (x + by) - by, other = (y + by) - by;
        heads += head;
        rests += x - head;
        more_heads += other;
        more_rests += y - other;
    }
    heads += more_heads;
    rests += more_rests;
    sum = (Pair){heads[0] + heads[1] + heads[2] + heads[3], rests[0] + rests[1] + rests[2] + rests[3]};
#endif
    for (; at < n; at++) sum = plain(sum, values[at], split);
    return sum;
}

/* high, low double[ranges]: the sums of values[lows[i]] ... values[highs[i]-1]. least, most: between which the
   magnitudes of all values but 0 lie, or 0 if that is to be found out; so in all loops. */
INLINE int range_sums_body(const double *values, int64_t n, const int64_t *lows, const int64_t *highs, int64_t ranges,
                           double least, double most, double *high, double *low) {
    const Split split = split_for(values, n, n, least, most);
    const int64_t many = (int64_t)1 << split.bits;
    for (int64_t i = 0; i < ranges; i++) {
        int64_t at = lows[i], end = highs[i];
        Pair sum = {0, 0};
        if (at < 0 || end < 0 || end > n) return BROKEN;
        if (!split.bits) {
            for (; at < end; at++) sum = add(sum, values[at]);
        } else if (end - at <= many) {
            if (at < end) sum = paired(exact(values + at, end - at, split.split));
        } else {
            for (; at < end; at += many) {
                Pair part = exact(values + at, end - at < many ? end - at : many, split.split);
                sum = add(add(sum, part.high), part.low);
            }
        }
        high[i] = sum.high;
        low[i] = sum.low;
    }
    return FINE;
}
TWICE(range_sums,
      (const double *values, int64_t n, const int64_t *lows, const int64_t *highs, int64_t ranges, double least,
       double most, double *high, double *low),
      (values, n, lows, highs, ranges, least, most, high, low))

/* Some sums of each group, on their way to the pairs. Four are filled in turn, as an addition waits for the one before it
   in the same group; they lie side by side, so that no two are a page apart, where stores would be mistaken for others. */
typedef struct {
    Pair sums[GROUPS][TURNS];
} Tables;

/* Adds what they hold to the pairs. */
INLINE void empty(Tables *tables, int64_t size, double *high, double *low) {
    for (int64_t g = 0; g < size; g++) {
        Pair all = {0, 0};
        for (int turn = 0; turn < TURNS; turn++) {
            all.high += tables->sums[g][turn].high;
            all.low += tables->sums[g][turn].low;
            tables->sums[g][turn] = (Pair){0, 0};
        }
        Pair sum = add(add((Pair){high[g], low[g]}, all.high), all.low);
        high[g] = sum.high;
        low[g] = sum.low;
    }
}

#if defined(__GNUC__)
INLINE void fill_four(Pair (*sums)[TURNS], const uint8_t *groups, const double *values, Four split) {
    Four x = *(const Four *)values, heads = (x + split) - split, rests = x - heads;
    *(Two *)&sums[groups[0]][0] += (Two){heads[0], rests[0]};
    *(Two *)&sums[groups[1]][1] += (Two){heads[1], rests[1]};
    *(Two *)&sums[groups[2]][2] += (Two){heads[2], rests[2]};
    *(Two *)&sums[groups[3]][3] += (Two){heads[3], rests[3]};
}
#endif

/* Adds n values, and returns whether the `ahead` values after them, n at the most, can be split in the same way: they
   are looked at while the additions wait for memory. */
INLINE int fill(Tables *tables, const uint8_t *groups, const double *values, int64_t n, int64_t ahead, Split by) {
    Pair(*const sums)[TURNS] = tables->sums;
    const double *next = values + n;
    const int64_t least = (int64_t)(by.f + 1023) << 52, span = ((int64_t)(by.e + 1023) << 52) - 1 - least;
    int64_t at = 0, seen, beyond = 0;
#if defined(__GNUC__)
    const Four split = {by.split, by.split, by.split, by.split};
    const Bits leasts = {least, least, least, least}, spans = {span, span, span, span}, none = {0},
               size = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    Bits signs = {0};
    for (; at + TURNS <= ahead; at += TURNS) {
        fill_four(sums, groups + at, values + at, split);
        Bits x = (Bits)*(const Four *)(next + at) & size, above = x - leasts;
        signs |= (above | (spans - above)) & ~(x == none);
    }
    seen = at;
    for (; at + TURNS <= n; at += TURNS) fill_four(sums, groups + at, values + at, split);
    beyond = signs[0] | signs[1] | signs[2] | signs[3];
#else
    seen = 0;
#endif
    for (; at < n; at++) sums[groups[at]][at % TURNS] = plain(sums[groups[at]][at % TURNS], values[at], by.split);
    for (; seen < ahead; seen++) {
        int64_t x;
        memcpy(&x, next + seen, sizeof x);
        x &= INT64_MAX;
        if (x) beyond |= (x - least) | (span - (x - least));
    }
    return beyond >= 0;
}

/* Adds any values to the pairs. */
INLINE void fill_any(Tables *tables, const uint8_t *groups, const double *values, int64_t n, int64_t size, double *high,
                     double *low) {
    Pair(*const sums)[TURNS] = tables->sums;
    for (int64_t k = 0; k < n; k++) sums[groups[k]][k % TURNS] = add(sums[groups[k]][k % TURNS], values[k]);
    for (int64_t g = 0; g < size; g++) {
        Pair sum = {high[g], low[g]};
        for (int turn = 0; turn < TURNS; turn++) {
            sum = add(add(sum, sums[g][turn].high), sums[g][turn].low);
            sums[g][turn] = (Pair){0, 0};
        }
        high[g] = sum.high;
        low[g] = sum.low;
    }
}

INLINE Magnitudes both(Magnitudes x, Magnitudes y) {
    return (Magnitudes){x.least < y.least ? x.least : y.least, x.most > y.most ? x.most : y.most};
}

/* high, low double[size]: the sums of each group's values, the group of value k being groups[k]; 1 <= size <= GROUPS.
   Where magnitudes are not known, a piece is measured that cannot be split as the one before it. */
INLINE int few_sums_body(const uint8_t *groups, const double *values, int64_t n, int64_t size, double least,
                         double most, double *high, double *low) {
    enum { KNOWN = 4096, UNKNOWN = 256 }; /* values a piece: with these, two pieces stay in the nearest cache */
    const int known = least > 0;
    const int64_t pieces = known ? KNOWN : UNKNOWN;
    Magnitudes bounds = {least, most};
    Split by = known ? split_of(bounds, n) : (Split){0, 0, 0, 0};
    int64_t room = (int64_t)1 << by.bits;
    int fits = known;
    Tables tables;
    if (size < 1 || size > GROUPS) return BROKEN;
    memset(tables.sums, 0, (size_t)size * sizeof *tables.sums);
    memset(high, 0, (size_t)size * sizeof *high);
    memset(low, 0, (size_t)size * sizeof *low);
    for (int64_t at = 0, piece; at < n; at += piece) {
        uint8_t largest = 0;
        piece = n - at < pieces ? n - at : pieces;
        for (int64_t k = at; k < at + piece; k++) largest = largest < groups[k] ? groups[k] : largest;
        if (largest >= size) return BROKEN;
        if (!fits) {
            const Magnitudes own = measured(values + at, piece);
            empty(&tables, size, high, low);
            bounds = at ? both(bounds, own) : own;
            by = split_of(bounds, n);
            if (!by.bits) by = split_of(bounds = own, n);
            room = (int64_t)1 << by.bits;
        }
        if (!by.bits) {
            fill_any(&tables, groups + at, values + at, piece, size, high, low);
            continue;
        }
        if (piece > room) {
            empty(&tables, size, high, low);
            room = (int64_t)1 << by.bits;
            if (piece > room) piece = room;
        }
        room -= piece;
        int64_t ahead = known ? 0 : n - at - piece;
        fits = fill(&tables, groups + at, values + at, piece, ahead < piece ? ahead : piece, by);
    }
    empty(&tables, size, high, low);
    return FINE;
}

TWICE(few_sums,
      (const uint8_t *groups, const double *values, int64_t n, int64_t size, double least, double most, double *high,
       double *low),
      (groups, values, n, size, least, most, high, low))

/* counts int64[GROUPS]: how many of groups uint8[n] there are of each. */
EXPORT int skysql_counts(const uint8_t *groups, int64_t n, int64_t *counts) {
    int64_t tables[TURNS][GROUPS] = {{0}}, at = 0;
    for (; at + TURNS <= n; at += TURNS)
        for (int turn = 0; turn < TURNS; turn++) tables[turn][groups[at + turn]]++;
    for (; at < n; at++) tables[0][groups[at]]++;
    for (int group = 0; group < GROUPS; group++)
        counts[group] = tables[0][group] + tables[1][group] + tables[2][group] + tables[3][group];
    return FINE;
}

INLINE uint64_t numbered(const void *groups, int64_t bytes, int64_t k) {
    return bytes == 1   ? ((const uint8_t *)groups)[k]
           : bytes == 2 ? ((const uint16_t *)groups)[k]
           : bytes == 4 ? ((const uint32_t *)groups)[k]
                        : ((const uint64_t *)groups)[k];
}

INLINE int many_of(const void *groups, int64_t bytes, const double *values, int64_t n, int64_t size, Split split,
                   double *high, double *low) {
    for (int64_t k = 0; k < n; k++) {
        uint64_t group = numbered(groups, bytes, k);
        if (group >= (uint64_t)size) return BROKEN;
        Pair sum = {high[group], low[group]};
        sum = split.bits ? plain(sum, values[k], split.split) : add(sum, values[k]);
        high[group] = sum.high;
        low[group] = sum.low;
    }
    for (int64_t g = 0; g < size && split.bits; g++) {
        Pair sum = paired((Pair){high[g], low[g]});
        high[g] = sum.high;
        low[g] = sum.low;
    }
    return FINE;
}

/* The same of any number of groups, given as unsigned integers of so many bytes. fullest: no group has more values. */
INLINE int many_sums_body(const void *groups, int64_t bytes, const double *values, int64_t n, int64_t size,
                          int64_t fullest, double least, double most, double *high, double *low) {
    if (n < 0 || size < 0 || (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8)) return BROKEN;
    Split split = split_for(values, n, fullest, least, most);
    if ((int64_t)1 << split.bits < fullest) split.bits = 0;
    memset(high, 0, (size_t)size * sizeof *high);
    memset(low, 0, (size_t)size * sizeof *low);
    if (bytes == 1) return many_of(groups, 1, values, n, size, split, high, low);
    if (bytes == 2) return many_of(groups, 2, values, n, size, split, high, low);
    if (bytes == 4) return many_of(groups, 4, values, n, size, split, high, low);
    return many_of(groups, 8, values, n, size, split, high, low);
}
TWICE(many_sums,
      (const void *groups, int64_t bytes, const double *values, int64_t n, int64_t size, int64_t fullest, double least,
       double most, double *high, double *low),
      (groups, bytes, values, n, size, fullest, least, most, high, low))
