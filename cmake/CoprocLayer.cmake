# One layer is one folder of src/, one object library and one include root of its own.
#
# The root holds a single link with the layer's name, so `#include "os/fd.hpp"` is found only by layers that name `os`
# under DEPENDS: an include against the arrows of docs/design.md does not compile.
#
#   coproc_layer(link DEPENDS os SOURCES ring.cpp TESTS ring_test.cpp)
#
# A layer that is NOT_IN_LIBRARY belongs to a program that is installed beside the library. Its tests have a program of
# their own (tests/machines).
function(coproc_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 layer "NO_PUBLIC_HEADERS;NOT_IN_LIBRARY" "" "DEPENDS;SOURCES;TESTS")

  set(root ${PROJECT_BINARY_DIR}/include_roots/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${root}/${name} SYMBOLIC)

  add_library(coproc_${name} OBJECT ${layer_SOURCES})
  target_include_directories(coproc_${name} PUBLIC ${root})
  target_compile_features(coproc_${name} PUBLIC cxx_std_20)
  set_target_properties(coproc_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON LINKER_LANGUAGE CXX)
  target_link_libraries(coproc_${name} PRIVATE coproc_warnings)
  if(TARGET coproc_precompiled)
    target_precompile_headers(coproc_${name} REUSE_FROM coproc_precompiled)
  endif()
  if(NOT layer_NO_PUBLIC_HEADERS)
    target_link_libraries(coproc_${name} PUBLIC coproc_headers)
  endif()
  foreach(dependency IN LISTS layer_DEPENDS)
    target_link_libraries(coproc_${name} PUBLIC coproc_${dependency})
  endforeach()

  set(layers COPROC_LAYERS)
  set(tests COPROC_UNIT_TESTS)
  if(layer_NOT_IN_LIBRARY)
    set(layers COPROC_AGENT_LAYERS)
    set(tests COPROC_AGENT_TESTS)
  endif()
  set_property(GLOBAL APPEND PROPERTY ${layers} ${name})
  foreach(test IN LISTS layer_TESTS)
    set_property(GLOBAL APPEND PROPERTY ${tests} ${CMAKE_CURRENT_SOURCE_DIR}/${test})
  endforeach()
endfunction()
