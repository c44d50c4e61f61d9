/*
 * The least that binding directories can cost: for every line of LIST, a path, the system calls that put
 * DATA/path onto ROOT/path with the mount interface of Linux 5.12, and nothing else. Nothing is checked,
 * seeded, reported or recovered. `cargo xtask bench` measures stated against it.
 *
 *     bare_mounts ROOT DATA LIST
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc 2.36 and the kernel's headers name these differently or not at all. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x4
#define MOVE_MOUNT_T_EMPTY_PATH 0x40
#endif

static int failed(const char *call, const char *path)
{
	fprintf(stderr, "bare_mounts: %s %s: %m\n", call, path);
	return 1;
}

static int bind(int root, int data, const char *path)
{
	/* As stated opens them: state beneath sys-data, the mount point beneath the root, through no link. */
	struct open_how state = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	struct open_how place = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	struct mount_attr options = {
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.propagation = MS_PRIVATE,
	};
	int from = syscall(SYS_openat2, data, path, &state, sizeof state);
	int onto = syscall(SYS_openat2, root, path, &place, sizeof place);
	if (from < 0 || onto < 0)
		return failed("openat2", path);
	int mount = syscall(SYS_open_tree, from, "", OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
	if (mount < 0)
		return failed("open_tree", path);
	if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &options, sizeof options))
		return failed("mount_setattr", path);
	if (syscall(SYS_move_mount, mount, "", onto, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
		return failed("move_mount", path);
	close(mount);
	close(onto);
	close(from);
	return 0;
}

int main(int argc, char **argv)
{
	static char list[1 << 20];
	if (argc != 4)
		return failed("usage", "ROOT DATA LIST");
	int root = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	int data = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
	int file = open(argv[3], O_RDONLY | O_CLOEXEC);
	ssize_t length = read(file, list, sizeof list - 1);
	if (root < 0 || data < 0 || length < 0)
		return failed("open", "ROOT, DATA or LIST");
	for (char *path = list, *end; (end = strchr(path, '\n')) != NULL; path = end + 1) {
		*end = '\0';
		if (bind(root, data, path))
			return 1;
	}
	return 0;
}
