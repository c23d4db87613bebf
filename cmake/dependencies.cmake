# What we build on; all of it comes from the distribution's packages (see
# script/bootstrap).

find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS C)

# For a zip everything but glibc is linked in (lambda/zip).
if(MF_ZIP)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(OPENSSL_USE_STATIC_LIBS ON)
endif()
find_package(ZLIB REQUIRED)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED)

# mf_find_library(TARGET HEADER LIBRARY …): a library that brings no CMake package, by the first
# name that is there.
function(mf_find_library target header)
  find_path(${target}_INCLUDE_DIR ${header} REQUIRED)
  find_library(${target}_LIBRARY NAMES ${ARGN} REQUIRED)
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE ${${target}_INCLUDE_DIR})
  target_link_libraries(${target} INTERFACE ${${target}_LIBRARY})
endfunction()

mf_find_library(libcsv csv.h csv)
mf_find_library(jansson jansson.h jansson)
mf_find_library(libevent event2/event.h event_core)
mf_find_library(libevent_openssl event2/bufferevent_ssl.h event_openssl)
mf_find_library(hiredis hiredis/hiredis.h hiredis)
# train unpacks only, which is a sixth of the library: it is linked in.
mf_find_library(libzstd zstd.h libzstd.a zstd)
if(MF_DEVELOPMENT)
  mf_find_library(libevent_extra event2/http.h event_extra) # evhttp: a client in local/, a peer in bench/
endif()
# Open MPI 4 by its own name: what mpi.h and libmpi.so are is the choice of the machine.
if(MF_MPI)
  find_path(openmpi_INCLUDE_DIR mpi.h REQUIRED
            PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openmpi/include NO_DEFAULT_PATH)
  find_library(openmpi_LIBRARY libmpi.so.40 REQUIRED)
  add_library(openmpi INTERFACE)
  target_include_directories(openmpi SYSTEM INTERFACE ${openmpi_INCLUDE_DIR})
  target_link_libraries(openmpi INTERFACE ${openmpi_LIBRARY})
endif()
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED) # header only: XXH_INLINE_ALL
