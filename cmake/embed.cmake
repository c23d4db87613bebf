# mf_embed(TARGET NAME FILE [STYLE CSS]): adds FILE to the target as the array NAME, with its length as
# NAME_bytes. A zero byte that does not count follows.
#
# With STYLE the file is a page of HTML, and CSS takes the place of its line <link rel="stylesheet" …>: the page
# is shown without waiting for a second file. NAME_style is the hash by which a Content-Security-Policy allows
# that style and no other.
function(mf_embed target name file)
  cmake_parse_arguments(embed "" "STYLE" "" ${ARGN})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file} ${embed_STYLE})
  file(READ ${file} hex HEX)
  set(style "")
  if(embed_STYLE)
    file(STRINGS ${file} link REGEX "^<link rel=\"stylesheet\" ")
    file(READ ${embed_STYLE} css HEX)
    string(HEX "${link}" link)
    string(HEX "<style>" open)
    string(HEX "</style>" close)
    string(REPLACE "${link}" "${open}${css}${close}" page "${hex}")
    if(link STREQUAL "" OR page STREQUAL hex)
      message(FATAL_ERROR "${file} has no line that begins with <link rel=\"stylesheet\"")
    endif()
    set(hex "${page}")
    file(SHA256 ${embed_STYLE} hash)
    mf_base64(base64 ${hash})
    set(style "extern const char ${name}_style[];\nconst char ${name}_style[] = \"'sha256-${base64}'\";\n")
  endif()
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.c @ONLY CONTENT
"#include <stddef.h>
extern const char @name@[];
extern const size_t @name@_bytes;
const char @name@[] = {@bytes@ 0};
const size_t @name@_bytes = sizeof @name@ - 1;
@style@")
  target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/${name}.c)
endfunction()

# mf_base64(OUT HASH): the 32 bytes of a SHA-256, 64 hexadecimal digits, as base64.
function(mf_base64 out hash)
  set(digits "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(text "")
  foreach(at RANGE 0 63 3)
    string(SUBSTRING "${hash}00" ${at} 3 three)
    math(EXPR first "0x${three} >> 6")
    math(EXPR second "0x${three} & 63")
    string(SUBSTRING ${digits} ${first} 1 first)
    string(SUBSTRING ${digits} ${second} 1 second)
    string(APPEND text ${first}${second})
  endforeach()
  string(SUBSTRING ${text} 0 43 text)
  set(${out} "${text}=" PARENT_SCOPE)
endfunction()
