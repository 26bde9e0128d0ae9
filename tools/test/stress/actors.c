// SPDX-License-Identifier: GPL-2.0-only
/* Those who act: operators, sessions, and the workers of a session. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define SESSION_MIN_MS	1000
#define SESSION_MS	4000
#define CALM_SESSION_MS	15000	/* where nobody waits for its end */
#define RETRY_US	20000
#define OPERATOR_US	800000

/**
 * struct session - a device while it is open
 * @actor: who opened it
 * @dev: the device
 * @region: usemem, resmem
 * @end_ms: when the workers end
 */
struct session {
	struct actor actor;
	struct gpu dev;
	struct gpu_region region[2];
	__u64 end_ms;
};

static void actor_begin(struct actor *actor, unsigned int number, unsigned int gpu, __u64 seed)
{
	actor->random = (seed + 1) * 0x9e3779b97f4a7c15ULL ^ (number + 1ULL) << 32;
	actor->slot = &shared->slot[number];
	actor->gpu = gpu;
	actor->kind = &kinds[gpu];
	actor->block = GUARD_LEN + SCRATCH_LEN + number * BLOCK_LEN;
	actor->slot->gpu = gpu;
	actor->slot->since_ms = 0;
	__atomic_store_n(&actor->slot->pid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
}

static void actor_end(struct actor *actor)
{
	__atomic_store_n(&actor->slot->pid, 0, __ATOMIC_RELEASE);
}

void operator_run(unsigned int number, unsigned int gpu, __u64 seed)
{
	struct actor actor = {};

	actor_begin(&actor, number, gpu, seed);
	while (!stopping()) {
		act_random(&actor, OPERATOR);
		usleep((useconds_t)random_below(&actor, OPERATOR_US));
	}
	actor_end(&actor);
}

static int after_open(struct actor *actor, int ret)
{
	int i;

	if (ret)
		return ret;
	ret = memory_on(actor->dev);
	for (i = 0; i < 2 && !ret; i++)
		ret = __gpu_region(actor->dev, i ? VFIO_PCI_BAR2_REGION_INDEX :
				   VFIO_PCI_BAR4_REGION_INDEX, &actor->region[i]);
	if (!ret && actor->region[1].flags & VFIO_REGION_INFO_FLAG_CAPS)
		return 0;
	/* A physical BAR, of a GPU without resmem. */
	actor->region[1].mem_len = 0;
	return ret;
}

int act_open(struct actor *actor)
{
	char bdf[GPU_BDF_LEN];
	int ret = gpu_find(actor->kind, bdf);

	return ret ? ret : after_open(actor, __gpu_open(actor->dev, bdf));
}

int act_open_cdev(struct actor *actor)
{
	char bdf[GPU_BDF_LEN];
	int ret = gpu_find(actor->kind, bdf);

	if (!ret)
		ret = __gpu_open_cdev(actor->dev, bdf);
	if (ret == -EOPNOTSUPP)
		return not_here(actor, "this kernel has no vfio device cdevs");
	return after_open(actor, ret);
}

int act_close(struct actor *actor)
{
	gpu_close(actor->dev);
	return 0;
}

static void work(struct session *session, struct arena *arena, unsigned int number, __u64 seed)
{
	struct actor actor = {
		.dev = &session->dev,
		.region = session->region,
		.arena = arena,
	};

	actor_begin(&actor, number, session->actor.gpu, seed);
	while (!stopping() && now_ms() < session->end_ms)
		act_random(&actor, WORKER);
	actor_end(&actor);
}

/**
 * struct thread - what a thread of a worker starts with
 * @session: the device
 * @arena: of the worker
 * @number: of its slot
 * @seed: of its random numbers
 */
struct thread {
	struct session *session;
	struct arena *arena;
	unsigned int number;
	__u64 seed;
};

static void *thread_run(void *data)
{
	struct thread *thread = data;

	work(thread->session, thread->arena, thread->number, thread->seed);
	return NULL;
}

/* Wants to hear of bad memory, as a VMM does: only then the driver is asked. */
static void worker_run(struct session *session, unsigned int number, __u64 seed)
{
	struct arena *arena = arena_create(session->actor.dev, session->region);
	struct thread thread[THREADS];
	pthread_t id[THREADS];
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	touch_install();
	for (i = 0; i < THREADS; i++) {
		thread[i] = (struct thread){ session, arena, number + i, seed + i };
		if (pthread_create(&id[i], NULL, thread_run, &thread[i]))
			die("cannot start a thread");
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(id[i], NULL);
}

/* A failure. The watchdog tells what its threads were doing. */
static void worker_died(const struct actor *actor, int status)
{
	if (WIFSIGNALED(status))
		die("%s: a worker was killed: %s", actor->kind->name, strsignal(WTERMSIG(status)));
	die("%s: a worker ended with status %d", actor->kind->name, WEXITSTATUS(status));
}

/* Workers of the open device. */
static void work_together(struct session *session, unsigned int number, unsigned int workers)
{
	struct actor *actor = &session->actor;
	__u64 longest = actor->kind->may_leave ? SESSION_MS : CALM_SESSION_MS;
	pid_t pid[MAX_WORKERS];
	unsigned int i;
	int status;

	session->end_ms = now_ms() + SESSION_MIN_MS + random_below(actor, longest);
	for (i = 0; i < workers; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			die("cannot fork: %s", strerror(errno));
		if (pid[i])
			continue;
		worker_run(session, number + 1 + i * THREADS, actor->random + i * THREADS);
		_exit(0);
	}
	for (i = 0; i < workers; i++)
		if (waitpid(pid[i], &status, 0) == pid[i] && status)
			worker_died(actor, status);
}

void session_run(unsigned int number, unsigned int gpu, __u64 seed, unsigned int workers)
{
	struct session session = {};
	struct actor *actor = &session.actor;

	actor_begin(actor, number, gpu, seed);
	actor->dev = &session.dev;
	actor->region = session.region;
	while (!stopping()) {
		gpu_init(actor->dev, "");
		if (!act_random(actor, OPENER)) {
			guard_renew(actor);
			work_together(&session, number, workers);
		} else {
			usleep(RETRY_US);
		}
		act_random(actor, CLOSER);
	}
	actor_end(actor);
}
