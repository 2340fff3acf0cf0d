# How a room, a program and a room's tests are declared. Warnings are errors everywhere.
#
#   cattino_room(NAME SOURCES a.cc b.cc USES base sys LINKS Boost::json)   -> static library cattino_NAME
#   cattino_program(NAME SOURCES main.cc USES engine server)               -> executable NAME
#   cattino_tests(ROOM SOURCES a_test.cc b_test.cc USES base)              -> executable ROOM_test, a ctest

add_library(cattino_flags INTERFACE)
target_include_directories(cattino_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(cattino_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough -Wswitch-enum -Werror
  -ffunction-sections -fdata-sections)
target_compile_definitions(cattino_flags INTERFACE CATTINO_VERSION="${PROJECT_VERSION}"
  BOOST_ALLOW_DEPRECATED_HEADERS $<$<NOT:$<CONFIG:Release>>:_GLIBCXX_ASSERTIONS>)
target_link_options(cattino_flags INTERFACE -Wl,--gc-sections)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # g++ 12 sees an overlap in `"literal" + std::string()` at -O3 where there is none (GCC bug 105651).
  target_compile_options(cattino_flags INTERFACE -Wno-restrict)
  # What the optimizer guesses after inlining differs from one version to the next: a guess is shown, but
  # does not keep a user's compiler from building.
  target_compile_options(cattino_flags INTERFACE $<$<CONFIG:Release>:-Wno-error=maybe-uninitialized
    -Wno-error=array-bounds -Wno-error=stringop-overflow -Wno-error=dangling-pointer>)
endif()
if(CATTINO_SANITIZE)
  target_compile_options(cattino_flags INTERFACE -fsanitize=${CATTINO_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_definitions(cattino_flags INTERFACE CATTINO_FAULTS)  # sys/faults.h
  target_link_options(cattino_flags INTERFACE -fsanitize=${CATTINO_SANITIZE})
  if(CATTINO_SANITIZE MATCHES thread)
    # ThreadSanitizer knows no fences. Asio's queue is under a mutex, which is what orders its work.
    target_compile_definitions(cattino_flags INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
else()
  # Programs run on any glibc Linux of the architecture: no libstdc++ of the build machine needed.
  set(CATTINO_STATIC_RUNTIME -static-libstdc++)
endif()
# Not for what is shipped: mold 1.10 leaves arc4random (glibc 2.36) of a dropped section undefined, and
# the programs would not start on glibc 2.34. tools/check_wheel.py watches over it.
find_program(CATTINO_MOLD mold)
if(CATTINO_MOLD AND NOT CMAKE_BUILD_TYPE STREQUAL Release)
  target_link_options(cattino_flags INTERFACE -fuse-ld=mold)
endif()

function(cattino_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LINKS" ${ARGN})
  add_library(cattino_${name} STATIC ${ARG_SOURCES})
  list(TRANSFORM ARG_USES PREPEND cattino_)
  target_link_libraries(cattino_${name} PUBLIC cattino_flags ${ARG_USES} ${ARG_LINKS})
endfunction()

function(cattino_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_USES PREPEND cattino_)
  target_link_libraries(${name} PRIVATE cattino_flags ${ARG_USES} ${ARG_LINKS})
  target_link_options(${name} PRIVATE ${CATTINO_STATIC_RUNTIME})
endfunction()

function(cattino_tests room)
  if(NOT CATTINO_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LINKS" ${ARGN})
  add_executable(${room}_test ${ARG_SOURCES})
  list(TRANSFORM ARG_USES PREPEND cattino_)
  target_link_libraries(${room}_test PRIVATE cattino_flags cattino_${room} ${ARG_USES} ${ARG_LINKS}
    GTest::gtest_main)
  add_test(NAME ${room} COMMAND ${room}_test --gtest_brief=1)
endfunction()
