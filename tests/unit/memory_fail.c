/* memory_fail.c: the n-th allocation fails. Linked into every unit test, with the linker's --wrap in
 * the place of mf_allocate and mf_reallocate. */
#include "testing.h"

#include "base/memory.h"

#include <stdatomic.h>

void *__real_mf_allocate(size_t count, size_t size, const char *what, mf_error *err);
bool __real_mf_reallocate(void **block, size_t old_count, size_t new_count, size_t size,
                          const char *what, mf_error *err);
void *__wrap_mf_allocate(size_t count, size_t size, const char *what, mf_error *err);
bool __wrap_mf_reallocate(void **block, size_t old_count, size_t new_count, size_t size,
                          const char *what, mf_error *err);

static atomic_size_t n_allocations;
static atomic_size_t fail_at; /* 0: never */

size_t mf_memory_fail_nth(size_t n)
{
    const size_t made = atomic_exchange(&n_allocations, 0);
    atomic_store(&fail_at, n);
    return made;
}

/* Counts an allocation. False with an error when it has to fail. */
static bool may_succeed(size_t count, size_t size, const char *what, mf_error *err)
{
    const size_t made = atomic_fetch_add(&n_allocations, 1) + 1;
    return made != atomic_load(&fail_at) ||
           mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for %zu bytes of %s", count * size,
                   what);
}

void *__wrap_mf_allocate(size_t count, size_t size, const char *what, mf_error *err)
{
    return may_succeed(count, size, what, err) ? __real_mf_allocate(count, size, what, err) : NULL;
}

bool __wrap_mf_reallocate(void **block, size_t old_count, size_t new_count, size_t size,
                          const char *what, mf_error *err)
{
    return may_succeed(new_count, size, what, err) &&
           __real_mf_reallocate(block, old_count, new_count, size, what, err);
}
