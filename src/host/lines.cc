// The lines between daemon and host ⇄ JSON, by Boost.JSON.
#include "host/lines.h"

#include <boost/json.hpp>

#include "base/ids.h"

namespace cattino::host {

namespace json = boost::json;

namespace {

json::object node_object(const NodeName& node) {
  return {{"kind", node.group ? "group" : "task"}, {"id", node.id}};
}

std::string base64(std::string_view bytes) {
  static constexpr char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= left ? digits[group >> (18 - 6 * k) & 63U] : '=';
    }
  }
  return text;
}

json::value text_or_null(const std::string& text) {
  if (text.empty()) {
    return nullptr;
  }
  return json::value(text);
}

std::string text_of(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::int64_t number_of(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) {
    return 0;
  }
  if (value->is_int64()) {
    return value->get_int64();
  }
  return value->is_uint64() ? static_cast<std::int64_t>(value->get_uint64()) : 0;
}

bool true_in(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

/// What `self` shows: of a hook's call or a run's.
template <typename Call>
json::object attributes(const Call& call, std::string_view status) {
  json::array devices;
  for (const std::uint16_t device : call.devices) {
    devices.emplace_back(device);
  }
  return {
      {"status", status},
      {"attempt", call.attempt},
      {"devices", std::move(devices)},
      {"create_time", call.created.ms()},
      {"priority", call.priority},
      {"run_dir", call.run_dir},
  };
}

}  // namespace

std::string objects_line(std::string_view pickle, const std::vector<ObjectNode>& nodes) {
  json::array list;
  list.reserve(nodes.size());
  for (const ObjectNode& each : nodes) {
    json::object item = node_object(each.node);
    item["ref"] = each.ref;
    item["object"] = each.object;
    item["name"] = each.name;
    item["fullname"] = each.fullname;
    item["group"] = text_or_null(each.group);
    list.emplace_back(std::move(item));
  }
  const json::object line{
      {"op", "objects"}, {"pickle", base64(pickle)}, {"nodes", std::move(list)}};
  return json::serialize(line);
}

std::string hook_line(const HookCall& call) {
  json::object task = attributes(call, call.status);
  task["pid"] = call.pid != 0 ? json::value(call.pid) : json::value(nullptr);
  task["exit_code"] = call.exit_code ? json::value(*call.exit_code) : json::value(nullptr);
  json::object line{
      {"op", "hook"},
      {"call", call.call},
      {"node", node_object(call.node)},
      {"hook", call.hook},
      {"task", std::move(task)},
      {"output", call.output},
      {"errors", call.errors},
  };
  if (!call.then.empty()) {
    line["then"] = call.then;
  }
  if (call.limit.us > 0) {
    line["limit"] = call.limit.ms();
  }
  return json::serialize(line);
}

std::string run_line(const RunCall& call) {
  json::object environment;
  for (const auto& [name, value] : call.environment) {
    environment[name] = value;
  }
  json::object line{
      {"op", "run"},
      {"call", call.call},
      {"key", call.key},
      {"node", node_object(call.node)},
      {"environment", std::move(environment)},
      {"cwd", call.directory},
      {"stdout", call.stdout_path},
      {"stderr", call.stderr_path},
      {"umask", call.umask},
      {"result", call.result},
      {"task", attributes(call, "Running")},
  };
  if (call.log_limit != 0) {
    line["log_limit"] = call.log_limit;
    line["copier"] = call.copier;
  }
  if (call.memory != 0 || call.millicores != 0) {
    line["bounds"] = {call.memory, call.millicores};
  }
  return json::serialize(line);
}

std::string hurry_line(const std::string& call, Duration at_most) {
  return json::serialize(json::object{{"op", "hurry"}, {"call", call}, {"limit", at_most.ms()}});
}

std::string leave_line() {
  return R"({"op":"leave"})";
}

namespace {

Result<Reply> begun_in(const json::object& object) {
  constexpr std::int64_t longest_ms = std::int64_t{10'000} * 365 * 86'400'000;
  Begun begun{text_of(object, "call"), std::nullopt};
  if (object.contains("limit")) {
    const std::int64_t ms = number_of(object, "limit");
    if (ms < 0 || ms > longest_ms) {
      return Error{ErrorCode::corrupt, "a Python host sent a limit that no hook can have"};
    }
    begun.limit = Duration::milliseconds(ms);
  }
  return Reply{std::move(begun)};
}

}  // namespace

Result<Reply> parse_reply(std::string_view line) {
  json::error_code failure;
  json::parse_options options;
  options.allow_invalid_utf8 = true;  // an exception's words may hold a path
  const json::value value = json::parse({line.data(), line.size()}, failure, {}, options);
  if (failure) {
    return Error{ErrorCode::corrupt, "a Python host sent a line that is not JSON"};
  }
  const json::object* object = value.if_object();
  if (object == nullptr) {
    return Error{ErrorCode::corrupt, "a Python host sent a line that is no object"};
  }
  const std::string op = text_of(*object, "op");
  if (op == "hello") {
    const std::int64_t generation = number_of(*object, "generation");
    if (generation < 0 || generation > std::int64_t{AttemptId::number_max}) {
      return Error{ErrorCode::corrupt, "a Python host sent a generation that no host has"};
    }
    return Reply{Hello{number_of(*object, "pid"), static_cast<std::uint32_t>(generation)}};
  }
  if (op == "begun") {
    return begun_in(*object);
  }
  if (op == "done") {
    return Reply{
        HookDone{text_of(*object, "call"), true_in(*object, "ok"), text_of(*object, "error")}};
  }
  if (op == "print") {
    return Reply{Printed{text_of(*object, "call"), text_of(*object, "text")}};
  }
  if (op == "failed") {
    return Reply{RunFailed{text_of(*object, "call"), text_of(*object, "error")}};
  }
  return Error{ErrorCode::invalid, "a Python host sent an unknown op: " + op};
}

}  // namespace cattino::host
