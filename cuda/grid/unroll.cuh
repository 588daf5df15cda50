// How nvcc treats a loop: BASIN_UNROLL copies its body for every turn, so that arrays it indexes can lie in registers;
// BASIN_KEEP_LOOP never does. Other compilers do not know the pragma.
#pragma once

#if defined(__CUDACC__)
#define BASIN_UNROLL _Pragma("unroll")
#define BASIN_KEEP_LOOP _Pragma("unroll 1")
#else
#define BASIN_UNROLL
#define BASIN_KEEP_LOOP
#endif
