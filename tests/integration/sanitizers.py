"""sanitizers.py: the sanitizers that the programs under test may be built with (MF_SANITIZE): their
environment variables, and the patterns of their reports."""

import os

SANITIZED = bool(os.environ.get("MF_SANITIZE"))

SANITIZER_WORDS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:",
                   "UndefinedBehavior")

# A sanitizer's exit status differs from the program's own exit 1.
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "exitcode=99:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:"
                    "allocator_may_return_null=1",
    "LSAN_OPTIONS": "exitcode=99",
    # Other libraries are not built with it: synchronization inside them is invisible. serve exits
    # without waiting for a thread that still reads a model.
    "TSAN_OPTIONS": "exitcode=99:ignore_noninstrumented_modules=1:report_thread_leaks=0",
    "UBSAN_OPTIONS": "exitcode=99:print_stacktrace=1",
}
