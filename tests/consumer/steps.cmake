# cmake -DBUILD=<build directory> -DWORK=<scratch> -DCOMPILER=<c++> -DGENERATOR=<name> -P run.cmake
#
# Installs the build, builds the consumer against that, and runs it; then asks for a component that
# is not there.
set(prefix ${WORK}/prefix)
file(REMOVE_RECURSE ${WORK})

set(configure ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -G ${GENERATOR}
  -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_BUILD_TYPE=Debug)

foreach(command IN ITEMS
    "${CMAKE_COMMAND};--install;${BUILD};--prefix;${prefix}"
    "${configure};-B;${WORK}/build"
    "${CMAKE_COMMAND};--build;${WORK}/build"
    "${WORK}/build/consumer")
  execute_process(COMMAND ${command} RESULT_VARIABLE status OUTPUT_VARIABLE output
    ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN command " " command)
    message(FATAL_ERROR "${command}: ${status}\n${output}")
  endif()
endforeach()
if(NOT output STREQUAL "1 user, from primary/writer (sticky after a write)\n")
  message(FATAL_ERROR "the consumer printed: ${output}")
endif()

if(EXISTS ${BUILD}/src/asio)  # a build with that component
  execute_process(COMMAND ${WORK}/build/awaiting RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "the consumer that awaits gave ${status}")
  endif()
endif()

execute_process(COMMAND ${configure} -B ${WORK}/missing -DMORE_COMPONENTS=oracle
  RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE output)
if(status EQUAL 0 OR NOT output MATCHES "has no component[ \n]+\"oracle\"")
  message(FATAL_ERROR "a missing component must be named; cmake gave ${status} and said:\n${output}")
endif()
