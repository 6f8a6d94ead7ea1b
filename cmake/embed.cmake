# seqtape_embed(TARGET FILE...): files that the program carries within it. The target's sources may include
# "embedded/FOLDER/page.css.h", whose seqtape::embedded::page_css has the bytes of FOLDER/page.css. Run as a script, it
# writes such a header. An array of characters, because compilers and languages limit how long a literal may be.
cmake_minimum_required(VERSION 3.25)

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  file(READ ${INPUT} bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(REPLACE "'\\x0a'," "'\\x0a',\n" bytes "${bytes}")
  get_filename_component(name ${INPUT} NAME)
  string(MAKE_C_IDENTIFIER ${name} name)
  file(WRITE ${OUTPUT} "#pragma once\n#include <string_view>\n\nnamespace seqtape::embedded {\n\n"
    "inline constexpr char ${name}_bytes[] = {\n${bytes}};\n"
    "inline constexpr std::string_view ${name}{${name}_bytes, sizeof ${name}_bytes};\n\n}  // namespace seqtape::embedded\n")
  return()
endif()

set(seqtape_embed_script ${CMAKE_CURRENT_LIST_FILE})

function(seqtape_embed target)
  foreach(file ${ARGN})
    set(input ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${input})
    set(output ${PROJECT_BINARY_DIR}/embedded/${path}.h)
    add_custom_command(OUTPUT ${output} DEPENDS ${input} ${seqtape_embed_script} VERBATIM COMMENT "Embedding ${path}"
      COMMAND ${CMAKE_COMMAND} -DINPUT=${input} -DOUTPUT=${output} -P ${seqtape_embed_script})
    target_sources(${target} PRIVATE ${output})
  endforeach()
  target_include_directories(${target} PRIVATE ${PROJECT_BINARY_DIR})
endfunction()
