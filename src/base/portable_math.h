/* portable_math.h: exp and log with the same bits on every machine.
 *
 * Those of the C library differ in their last bit between versions and between CPUs (some of its
 * copies use fused multiply-add). The bytes of a model must not. Both functions here use double
 * arithmetic in a fixed order and nothing else.
 *
 * Error: at most 4 units in the last place of a double.
 * Threads: any. Cost: about 20 ns. */
#ifndef MF_BASE_PORTABLE_MATH_H
#define MF_BASE_PORTABLE_MATH_H

/* e^x. 0 below -745, infinity above 709.78, NaN for NaN. */
double mf_exp(double x);

/* The natural logarithm of x > 0; -infinity for 0, NaN below 0 and for NaN. */
double mf_log(double x);

#endif
