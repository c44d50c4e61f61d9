//! What BitBake says of the tasks that it runs.

use std::collections::BTreeSet;

/// How many were started.
pub(super) fn count(log: &str) -> usize {
    started(log).count()
}

/// The recipes whose tasks were started, by name.
pub(super) fn recipes(log: &str) -> Vec<&str> {
    let recipes: BTreeSet<&str> = started(log).map(name).collect();
    recipes.into_iter().collect()
}

/// The recipe of each task, with its version: `NOTE: recipe writer-1.0-r0: task do_install: Started`.
fn started(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter_map(|line| {
        let (recipe, task) = line.strip_prefix("NOTE: recipe ")?.split_once(": task ")?;
        task.ends_with(": Started").then_some(recipe)
    })
}

/// A recipe without version and revision.
fn name(recipe: &str) -> &str {
    let without_revision = recipe.rsplit_once('-').map_or(recipe, |(rest, _)| rest);
    without_revision.rsplit_once('-').map_or(recipe, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
NOTE: Running task 1 of 2 (/a/b.bb:do_install)
NOTE: recipe writer-1.0-r0: task do_install: Started
NOTE: recipe writer-1.0-r0: task do_install: Succeeded
NOTE: recipe apt-native-1.0-r0: task do_package: Started
";

    #[test]
    fn counts_tasks_that_were_started() {
        assert_eq!(count(LOG), 2);
        assert_eq!(count(""), 0);
    }

    #[test]
    fn names_recipes_without_their_versions() {
        assert_eq!(recipes(LOG), ["apt-native", "writer"]);
    }
}
