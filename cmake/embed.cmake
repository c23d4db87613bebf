# mf_embed(TARGET NAME FILE): adds FILE to the target as the array NAME, with its length as NAME_bytes. A
# zero byte that does not count follows.
function(mf_embed target name file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.c @ONLY CONTENT
"#include <stddef.h>
extern const char @name@[];
extern const size_t @name@_bytes;
const char @name@[] = {@bytes@ 0};
const size_t @name@_bytes = sizeof @name@ - 1;
")
  target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
endfunction()
