# cmake -DNVCC= -DSOURCE= -DINCLUDE= -DARCHITECTURE= -DSPILLS= -P compile_kernels.cmake
# Compiles the kernels of a file, prints what ptxas says of each, fails where one spills more than SPILLS bytes of
# registers.
execute_process(
  COMMAND ${NVCC} -std=c++20 -O3 -arch=${ARCHITECTURE} -I${INCLUDE} -Xptxas=-v --resource-usage -cubin -o /dev/null ${SOURCE}
  RESULT_VARIABLE result OUTPUT_VARIABLE report ERROR_VARIABLE report)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${report}")
endif()
string(REGEX MATCHALL "Function properties for [^\n]*\n[^\n]*\n[^\n]*" kernels "${report}")
if(NOT kernels)
  message(FATAL_ERROR "ptxas names no kernel in ${SOURCE}:\n${report}")
endif()
set(spilled "")
foreach(kernel IN LISTS kernels)
  string(REGEX MATCH "properties for ([^\n]*)" _ "${kernel}")
  set(name ${CMAKE_MATCH_1})
  string(REGEX MATCH "([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads" spills "${kernel}")
  set(stores ${CMAKE_MATCH_1})
  string(REGEX MATCH "Used ([0-9]+) registers" _ "${kernel}")
  message(STATUS "${CMAKE_MATCH_1} registers, ${spills}: ${name}")
  if(stores GREATER SPILLS)
    list(APPEND spilled ${name})
  endif()
endforeach()
if(spilled)
  message(FATAL_ERROR "these kernels spill more than ${SPILLS} bytes of registers: ${spilled}")
endif()
