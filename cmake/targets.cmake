# How a target of ours is built: the same flags for all of them.

add_library(mf_flags INTERFACE)
target_compile_definitions(mf_flags INTERFACE _GNU_SOURCE MF_VERSION="${PROJECT_VERSION}")
target_include_directories(mf_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
# -ffp-contract=off: a fused multiply-add rounds once where SSE2 rounds twice, and
# then the same training run gives other bytes on another machine.
target_compile_options(
  mf_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wvla
                     $<$<BOOL:${MF_WERROR}>:-Werror> -ffp-contract=off -fno-math-errno
                     -fstack-protector-strong)
if(NOT MF_SANITIZE STREQUAL "")
  target_compile_options(mf_flags INTERFACE -fsanitize=${MF_SANITIZE} -fno-omit-frame-pointer
                                            -fno-sanitize-recover=all)
  target_link_options(mf_flags INTERFACE -fsanitize=${MF_SANITIZE})
endif()
if(MF_FUZZ)
  target_compile_options(mf_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_link_options(mf_flags INTERFACE -Wl,--as-needed -Wl,-z,relro -Wl,-z,now)

# mf_room(NAME SOURCES … USES …): one folder under src, one static library, and
# the rooms and libraries that it may include. A wrong arrow fails to link.
function(mf_room name)
  cmake_parse_arguments(room "" "" "SOURCES;USES" ${ARGN})
  add_library(mf_${name} STATIC ${room_SOURCES})
  target_link_libraries(mf_${name} PUBLIC ${room_USES} PRIVATE mf_flags)
  target_include_directories(mf_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
endfunction()
