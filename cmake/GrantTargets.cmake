# Helpers that give every target of the project the same language level and warnings.

# Who only uses Grant gets no warnings: a newer compiler has new ones, which must not keep anybody from
# building.
add_library(grant_warnings INTERFACE)
if(GRANT_WARNINGS_AS_ERRORS)
  target_compile_options(grant_warnings INTERFACE
    -Wall -Wextra -Wconversion -Wshadow -Werror
    $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
endif()

# grant_library(<component> <source>...): the target grant_<component>, alias grant::<component>, its
# public headers in include/, private ones in src/. Its archive is libgrant.a or
# libgrant_<component>.a.
function(grant_library component)
  set(name grant_${component})
  if(component STREQUAL "grant")
    set(name grant)
  endif()
  add_library(grant_${component} STATIC ${ARGN})
  add_library(grant::${component} ALIAS grant_${component})
  set_target_properties(grant_${component} PROPERTIES
    EXPORT_NAME ${component} OUTPUT_NAME ${name}
    CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
  target_compile_features(grant_${component} PUBLIC cxx_std_20)
  target_include_directories(grant_${component}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(grant_${component} PRIVATE $<BUILD_INTERFACE:grant_warnings> fmt::fmt)
  target_precompile_headers(grant_${component} REUSE_FROM grant_precompiled)
endfunction()

# grant_driver(<engine> <source>...): a driver component. Linking it is enough to register it: the
# -u option makes the linker keep the archive member whose static object calls register_driver().
function(grant_driver engine)
  grant_library(${engine} ${ARGN})
  target_link_libraries(grant_${engine} PUBLIC grant_grant)
  target_link_options(grant_${engine} INTERFACE "LINKER:-u,grant_register_${engine}")
endfunction()
