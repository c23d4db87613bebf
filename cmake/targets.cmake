# The compiler and linker flags of all our targets.

add_library(mf_flags INTERFACE)
target_compile_definitions(mf_flags INTERFACE _GNU_SOURCE MF_VERSION="${PROJECT_VERSION}")
target_include_directories(mf_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
# -ffp-contract=off: a fused multiply-add rounds once where SSE2 rounds twice. With it the
# same training run would give other bytes on another machine.
target_compile_options(
  mf_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
                     -Wformat=2 -Wundef $<$<BOOL:${MF_WERROR}>:-Werror>
                     -Werror=implicit-function-declaration -Werror=incompatible-pointer-types
                     -Werror=int-conversion -ffp-contract=off
                     -fno-math-errno -fstack-protector-strong
                     # clang also warns about every NAN and about the casts in OpenSSL's macros.
                     $<$<C_COMPILER_ID:GNU>:-Wdouble-promotion -Wcast-qual>)
# A wrong write or a wrong jump ends the program.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  target_compile_options(mf_flags INTERFACE -fcf-protection -fstack-clash-protection)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  # clang 14 has no -fstack-clash-protection for arm64.
  target_compile_options(mf_flags INTERFACE -mbranch-protection=standard
                                            $<$<C_COMPILER_ID:GNU>:-fstack-clash-protection>)
endif()
# _FORTIFY_SOURCE needs optimization, and sanitizers check libc's own functions.
if(MF_SANITIZE STREQUAL "")
  target_compile_options(mf_flags INTERFACE $<$<CONFIG:Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
endif()
if(MF_COVERAGE)
  target_compile_options(mf_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(mf_flags INTERFACE --coverage)
else()
  # The same source gives the same bytes, wherever it and the build lie.
  target_compile_options(mf_flags INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
                                            -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
endif()
if(NOT MF_SANITIZE STREQUAL "")
  target_compile_options(mf_flags INTERFACE -fsanitize=${MF_SANITIZE} -fno-omit-frame-pointer
                                            -fno-sanitize-recover=all)
  target_link_options(mf_flags INTERFACE -fsanitize=${MF_SANITIZE})
endif()
if(MF_FUZZ)
  target_compile_options(mf_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_link_options(mf_flags INTERFACE -Wl,--as-needed -Wl,-z,relro -Wl,-z,now)

# mf_module(NAME SOURCES … USES …): one folder under src, one static library, and
# the modules and libraries that it may include. A wrong arrow fails to link.
function(mf_module name)
  cmake_parse_arguments(module "" "" "SOURCES;USES" ${ARGN})
  add_library(mf_${name} STATIC ${module_SOURCES})
  target_link_libraries(mf_${name} PUBLIC ${module_USES} PRIVATE mf_flags)
  target_include_directories(mf_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
endfunction()

# mf_kernels(MODULE): compiles the module's kernels.c once for each instruction set that
# base/cpu.h distinguishes, with exactly the extensions that base/cpu.h tests for.
# MF_<MODULE>_KERNEL is the name of a copy, MF_<MODULE>_CPU the name of its instruction set.
# -Wno-psabi: vectors are passed only between functions that are always inlined.
function(mf_kernels module)
  string(TOUPPER ${module} prefix)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
    set(cpus sse2 avx2 avx512)
    set(sse2 -march=x86-64)
    set(avx2 -mavx2 -mfma -mbmi -mbmi2)
    set(avx512 ${avx2} -mavx512f -mavx512bw -mavx512cd -mavx512dq -mavx512vl)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    set(cpus neon)
    # Before it has given out registers, gcc 12 moves loads up until there are too few.
    set(neon $<$<C_COMPILER_ID:GNU>:-fno-schedule-insns>)
  else()
    set(cpus generic)
  endif()
  foreach(cpu ${cpus})
    set(copy mf_${module}_${cpu})
    add_library(${copy} OBJECT kernels.c)
    target_link_libraries(${copy} PRIVATE mf_flags)
    target_compile_definitions(${copy} PRIVATE MF_${prefix}_KERNEL=mf_${module}_kernel_${cpu}
                                               MF_${prefix}_CPU="${cpu}")
    target_compile_options(${copy} PRIVATE ${${cpu}} -Wno-psabi)
    if(NOT MF_SANITIZE STREQUAL "")
      target_compile_definitions(${copy} PRIVATE MF_PLAIN_LOOPS)
    endif()
    target_sources(mf_${module} PRIVATE $<TARGET_OBJECTS:${copy}>)
  endforeach()
endfunction()
