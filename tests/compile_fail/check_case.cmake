# Compiles CASE, with OPTIONS if there are any, or else behind the PRECOMPILED header, and holds what the compiler says
# against the file's first line.
cmake_minimum_required(VERSION 3.25)  # for its policies

file(READ ${CASE} text)
if(NOT text MATCHES "^// expect: ([^\n]+)")
  message(FATAL_ERROR "${CASE} has to begin with `// expect: <regular expression>` or `// expect: success`")
endif()
set(expected "${CMAKE_MATCH_1}")
set(options ${OPTIONS})
if(text MATCHES "\n// with: ([^\n]+)")
  separate_arguments(more UNIX_COMMAND "${CMAKE_MATCH_1}")
  list(APPEND options ${more})
endif()
if(NOT options)  # with which it was compiled
  set(options ${PRECOMPILED})
endif()

execute_process(COMMAND ${COMPILER} -std=c++20 ${options} -fsyntax-only -I${INCLUDE_DIR} ${CASE}
                RESULT_VARIABLE result ERROR_VARIABLE errors)
if(expected STREQUAL "success")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${CASE} has to compile:\n${errors}")
  endif()
elseif(result EQUAL 0)
  message(FATAL_ERROR "${CASE} compiles, but should be refused with: ${expected}")
else()
  # What the compiler quotes of the source would match what the source says of itself.
  string(REGEX REPLACE "\n +[0-9]* \\|[^\n]*" "" said "\n${errors}")
  if(NOT said MATCHES "${expected}")
    message(FATAL_ERROR "${CASE} is refused, but not with: ${expected}\n${errors}")
  endif()
endif()
