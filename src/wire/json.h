// Values ⇄ JSON text, for every type of this room. Only json.cc knows how.
//
// Reading is strict for requests: a field that is not known, missing, of the wrong type or out of range
// is an error of code `invalid` whose `field` is its path ("request.min_devices") and whose message
// says what was expected. Numbers, text and structures are required unless they are optional; lists,
// objects and booleans may be left out, and null is the same as left out.
//
// Reading is lenient for answers, which may come from a newer or older daemon: what is not known is
// skipped and what is missing keeps its default.
//
// Nothing here throws or reads beyond `text`. Text that is no JSON is an error without a field.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cattino::wire {

enum class Reading { strict, lenient };

/// Bytes that are no UTF-8 (a path, a variable) are replaced in answers, so that any reader takes them,
/// and kept in submissions, where they have to arrive as they are.
enum class Bytes { replace, keep };

template <class T>
Result<T> from_json(std::string_view text, Reading reading = Reading::strict);

/// One line, without a newline. An optional that is empty is left out; a Nullable is written as null.
template <class T>
std::string to_json(const T& value, Bytes bytes = Bytes::replace);

/// `text` as a JSON string with its quotes.
std::string json_text(std::string_view text);

/// False if no reading of `text` could succeed, whatever the type.
bool is_json(std::string_view text);

}  // namespace cattino::wire
