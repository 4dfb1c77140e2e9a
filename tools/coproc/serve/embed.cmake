# Makes one page of its parts, and a C++ file with that page and the policy that permits nothing but these parts.
#
#   cmake -D OUTPUT=page.cpp -P embed.cmake

# Base64 of a SHA-256 that is given in hexadecimal: 43 characters and one that fills up.
function(base64_of hex result)
  set(alphabet ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  set(text "")
  foreach(at RANGE 0 60 6)
    string(SUBSTRING ${hex}00 ${at} 6 three_bytes)
    foreach(shift 18 12 6 0)
      math(EXPR index "0x${three_bytes} >> ${shift} & 63")
      string(SUBSTRING ${alphabet} ${index} 1 character)
      string(APPEND text ${character})
    endforeach()
  endforeach()
  string(SUBSTRING ${text} 0 43 text)
  set(${result} ${text}= PARENT_SCOPE)
endfunction()

set(here ${CMAKE_CURRENT_LIST_DIR})
file(READ ${here}/page/page.html page)
foreach(part style:css:uPlot.min.css script:js:uPlot.iife.min.js)
  string(REPLACE ":" ";" part ${part})
  list(POP_FRONT part element ending charts)
  file(READ ${here}/third_party/uplot/${charts} charts)
  file(READ ${here}/page/page.${ending} own)
  set(text "\n${charts}\n${own}")
  string(SHA256 hash "${text}")
  base64_of(${hash} ${element}_hash)
  string(REPLACE "@${element}@" "${text}" page "${page}")
endforeach()

set(policy "default-src 'none'; script-src 'sha256-${script_hash}'; style-src 'sha256-${style_hash}'")
string(APPEND policy "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
file(WRITE ${OUTPUT} "#include \"serve/page.hpp\"

// The standard asks compilers for 65,536 bytes only; both that are used here take more.
#pragma GCC diagnostic ignored \"-Woverlength-strings\"

namespace command {

const std::string_view kContentSecurityPolicy = \"${policy}\";

const std::string_view kPage = R\"COPROC(${page})COPROC\";

}  // namespace command
")
