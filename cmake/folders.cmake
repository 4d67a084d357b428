# olla_folder(NAME SOURCES ... TESTS ... APART ... USES folder... LIBRARIES target...)
#
# Makes the static library olla_NAME from src/NAME/SOURCES and, for developers, the test program
# NAME_test from src/NAME/TESTS. One library per folder: a folder builds and tests alone, and a call
# to a folder that it may not use does not link. A folder in a folder has '_' in NAME for the '/'.
#
# The sanitizer builds compile eight files as one, which takes half the time (CMAKE_UNITY_BUILD in
# CMakePresets.json). A file stands also after APART and is compiled alone there when what it names
# in its anonymous namespace or with `using` is something else in another file of the folder.
add_library(olla_flags INTERFACE)
target_compile_options(olla_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
  $<$<BOOL:${OLLA_DEVELOPER}>:-Werror>)
target_compile_definitions(olla_flags INTERFACE BOOST_ASIO_NO_DEPRECATED
  BOOST_ASIO_SEPARATE_COMPILATION OLLA_VERSION="${PROJECT_VERSION}")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # ccache needs it to share objects that were built with a precompiled header.
  target_compile_options(olla_flags INTERFACE -fpch-preprocess)
endif()
if(OLLA_SANITIZE)
  target_compile_options(olla_flags INTERFACE -fsanitize=${OLLA_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(olla_flags INTERFACE -fsanitize=${OLLA_SANITIZE})
  if(OLLA_SANITIZE MATCHES "undefined")
    # This check tests an object's memory through a pipe: in a process without file descriptors,
    # which some tests bring about, it takes every object for a broken one.
    target_compile_options(olla_flags INTERFACE -fno-sanitize=vptr)
  endif()
  if(OLLA_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(olla_flags INTERFACE -Wno-tsan)  # Asio uses atomic_thread_fence.
  endif()
endif()
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc takes the anonymous namespace of a file that is included for one of a header.
  target_compile_options(olla_flags INTERFACE -Wno-subobject-linkage)
endif()

if(OLLA_DEVELOPER)
  enable_testing()
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_custom_target(unit_tests)
endif()

function(olla_folder name)
  cmake_parse_arguments(arg "PRECOMPILED" "" "SOURCES;TESTS;APART;USES;LIBRARIES" ${ARGN})
  string(REPLACE "_" "/" folder ${name})
  list(TRANSFORM arg_SOURCES PREPEND ${CMAKE_SOURCE_DIR}/src/${folder}/)
  list(TRANSFORM arg_TESTS PREPEND ${CMAKE_SOURCE_DIR}/src/${folder}/)
  list(TRANSFORM arg_APART PREPEND ${CMAKE_SOURCE_DIR}/src/${folder}/)
  set_source_files_properties(${arg_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  list(TRANSFORM arg_USES PREPEND olla_)
  add_library(olla_${name} STATIC ${arg_SOURCES})
  target_include_directories(olla_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(olla_${name} PUBLIC ${arg_USES} ${arg_LIBRARIES} Boost::headers
    Threads::Threads olla_flags)
  if(arg_PRECOMPILED AND name STREQUAL "net")
    target_precompile_headers(olla_net PRIVATE ${CMAKE_SOURCE_DIR}/src/net/precompiled.h)
  elseif(arg_PRECOMPILED)
    target_precompile_headers(olla_${name} REUSE_FROM olla_net)
  endif()
  if(OLLA_DEVELOPER AND arg_TESTS)
    add_executable(${name}_test ${arg_TESTS})
    target_link_libraries(${name}_test PRIVATE olla_${name} GTest::gmock GTest::gtest_main)
    if(arg_PRECOMPILED)
      target_precompile_headers(${name}_test REUSE_FROM olla_net)
    endif()
    if(OLLA_SANITIZE)
      # One process for all tests: with a sanitizer, each start costs more than most tests.
      add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
      set_tests_properties(${name} PROPERTIES TIMEOUT 600)
    else()
      gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST)
    endif()
    add_dependencies(unit_tests ${name}_test)
  endif()
endfunction()

# olla_fuzzer(NAME USES folder...): fuzz/NAME_fuzz.cc, and its corpus replayed as a test.
function(olla_fuzzer name)
  if(NOT OLLA_DEVELOPER)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "USES" ${ARGN})
  list(TRANSFORM arg_USES PREPEND olla_)
  add_executable(${name}_fuzz ${CMAKE_SOURCE_DIR}/fuzz/${name}_fuzz.cc)
  target_link_libraries(${name}_fuzz PRIVATE ${arg_USES} olla_flags)
  if(OLLA_LIBFUZZER)
    target_compile_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${name}_fuzz PRIVATE ${CMAKE_SOURCE_DIR}/fuzz/replay_main.cc)
  endif()
  add_dependencies(unit_tests ${name}_fuzz)
  add_test(NAME fuzz_corpus.${name}
           COMMAND ${name}_fuzz ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name})
endfunction()
