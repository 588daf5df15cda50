#include "core/objective.h"

#include "core/choice.h"

namespace basin {
namespace {

constexpr Choice<Objective> kObjectives[] = {{"cross-entropy", Objective::cross_entropy},
                                             {"mse", Objective::squared_error}};

}  // namespace

Objective parse_objective(std::string_view name) { return parse_choice("loss", name, kObjectives); }
std::string name_of(Objective objective) { return choice_name(objective, kObjectives); }

}  // namespace basin
