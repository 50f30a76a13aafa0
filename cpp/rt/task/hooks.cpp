#include "rt/task/hooks.hpp"

namespace rt {

TaskMeta describe(const Header& task) {
  TaskMeta meta;
  meta.id = task.id;
  meta.kind = task.kind;
  if (task.extra != nullptr) {
    meta.name = task.extra->name;
    if (task.extra->place != nullptr) meta.spawned_at = *task.extra->place;
  }
  if (meta.spawned_at.line == 0 && task.spawned_at.line() != 0) {
    meta.spawned_at = {task.spawned_at.file_name(), task.spawned_at.function_name(), task.spawned_at.line()};
  }
  return meta;
}

}  // namespace rt
