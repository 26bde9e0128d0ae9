/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Access to the GPU memory: readiness, resets, faults, hwpoison notes.
 *
 * One PMD range with a page P that may fail and a page Q before it. Names are those of
 * the driver; "ghost" is what only assertions read. The critical section of a writer is
 * one step, since nothing that runs meanwhile reads or changes what it changes.
 */
mtype:memory = { READY, TRAINING, IN_RESET, GONE };
mtype:pmd = { NONE, HUGE, SMALL };
mtype:access = { OK, EIO, EAGAIN };

/* Defects, one of which -DMUTANT chooses; run-model knows what each of them violates. */
mtype:mutant = { NO_DRAIN, NO_ZAP, ASK_ODD, ASK_LATE, NOTE_AT_ONCE, HUGE_AGAIN, SEQ_HEALS,
	AROUND_NOTED, SETTLE_NO_LOCK, SETTLE_NO_ZAP, READ_HEALED, READ_PENDING, FROZEN_NO_BEGIN,
	SLOT_NO_REVOKE, PERM_NO_REVOKE, REMOVE_NO_REVOKE, D3_NO_INVALIDATE, OPEN_NO_INVALIDATE,
	CLOSE_NO_FLUSH, FLUSH_EARLY, BEGIN_TWICE };
#define IS(name)	(MUTANT == name)

mtype:memory hw = READY;
bool surprise;		/* ghost: the driver has not yet been told that the memory is away */
bool disconnected;	/* pci_dev_is_disconnected() */
bool d3hot;		/* __vfio_pci_memory_enabled() is false */
bool device_lock;
byte readers;		/* of memory_lock and access_lock, which are taken together */

byte seq = 2;		/* odd: a reset is going on */
byte ready_at;		/* value of seq for which the memory was found ready */
byte resets;		/* the poison generation */

mtype:pmd pmd = NONE;	/* empty, a PMD mapping, a page table */
bool p_mapped;		/* the page table maps P */

bool noted, settled;	/* pfns has P, and its mark */
byte note_gen;		/* its value */
byte failed_in;		/* ghost: the generation in which P failed */
bool zapped;		/* ghost: the work item has run since */
bool registered = true, queued, working;

byte users = THREADS + 1;	/* of the file: threads, and who writes PMCSR */

#define GEN		(IS(SEQ_HEALS) -> seq / 2 : resets)
#define P_IS_BAD	(zapped && failed_in == resets)

/* A mutant omits the step. unmap_mapping_range(): mm may free an empty page table. */
inline zap(omit)			{ pmd = (omit -> pmd : NONE); p_mapped = (omit && p_mapped) }
inline nvgpu_ready_invalidate(omit)	{ seq = seq + (omit -> 0 : 2) }
inline nvgpu_ready_reset_begin(omit)	{ seq = seq + (omit -> 0 : (seq % 2 && !IS(BEGIN_TWICE) -> 2 : 1)) }
inline nvgpu_ready_reset_end()		{ d_step { seq++; assert(seq % 2 == 0) } }

inline nvgpu_revoke(omit)
{
	d_step { !readers || IS(NO_DRAIN) || omit -> zap(IS(NO_ZAP) || omit) }
}

inline nvgpu_reset_prepare(omit)	{ nvgpu_ready_reset_begin(false); nvgpu_revoke(omit) }
inline nvgpu_reset_done()		{ resets++; nvgpu_ready_reset_end() }

/* With nvgpu_ready_is_known(). */
inline nvgpu_access_begin(ret)
{
	ret = (disconnected || d3hot -> EIO : (ready_at != seq -> EAGAIN : OK));
	readers = readers + (ret == OK -> 1 : 0)
}

inline nvgpu_access_end()	{ readers-- }

/* Asks once; the answer counts for the value of seq that it was asked for. */
inline nvgpu_ready_ask(s)
{
	s = seq;
	if
	:: atomic { disconnected || d3hot || (s % 2 && !IS(ASK_ODD)) || (s != seq && !IS(ASK_LATE)) -> s = 0 }
	:: atomic { else -> readers++ };
		atomic {
			assert(hw != IN_RESET || surprise);	/* not asked during a reset */
			if
			:: hw == TRAINING -> hw = READY
			:: true
			fi;
			s = (hw == READY -> s : 0);
			nvgpu_access_end()
		};
		atomic { ready_at = (s -> s : ready_at); s = 0 }
	fi
}

/* The memory is neither in reset nor in training, nor away, as far as the driver was told. */
inline touch()				{ assert(hw == READY || surprise) }

inline insert(is_p, small)
{
	touch();
	assert(!P_IS_BAD || (small && !is_p));	/* P is not mapped in its generation */
	if
	:: small ->
		assert(pmd != HUGE);		/* walk_to_pmd() does not survive it */
		pmd = SMALL;
		p_mapped = p_mapped || is_p
	:: else ->
		assert(!settled);		/* never huge again */
		pmd = (pmd == NONE -> HUGE : pmd)
	fi
}

#define IN_RANGE	((settled || (IS(NOTE_AT_ONCE) && noted)) && (!IS(HUGE_AGAIN) || note_gen == GEN))
#define IS_CURRENT	(is_p && noted && note_gen == GEN)

/* mm asks for a PMD mapping and, after VM_FAULT_FALLBACK, in a call of its own, for a page. */
inline nvgpu_mmap_huge_fault(is_p, small, s, ret)
{
	do
	:: atomic { nvgpu_access_begin(ret) };
		if
		:: ret != OK -> break				/* SIGBUS: may not wait */
		:: ret == EAGAIN -> nvgpu_ready_ask(s);
			if
			:: true
			:: small = UNALIGNED			/* VM_FAULT_RETRY: mm begins anew */
			fi
		:: atomic { ret == OK && !small && IN_RANGE -> small = true; nvgpu_access_end() }
		:: ret == OK && !small && !IN_RANGE -> d_step { insert(is_p, false); nvgpu_access_end() }; break
		:: atomic { ret == OK && small && IS_CURRENT -> nvgpu_access_end() }; break
		:: ret == OK && small && !IS_CURRENT ->
			d_step { insert(is_p, true) };
			if
			:: !is_p && (!noted || IS(AROUND_NOTED)) -> d_step { insert(true, true) }
			:: else
			fi;
			nvgpu_access_end();
			break
		fi
	od;
	atomic { small = false; is_p = false; ret = OK }
}

#define FREE_RUN	(!noted || (IS(READ_PENDING) && !settled) || (IS(READ_HEALED) && note_gen != GEN))

inline nvgpu_rdwr(was_noted, s, ret)
{
	do
	:: atomic { was_noted = noted; nvgpu_access_begin(ret) };
		if
		:: ret != OK -> break				/* -EIO, -EINTR */
		:: ret == EAGAIN -> nvgpu_ready_ask(s)
		:: atomic { ret == OK && !FREE_RUN -> nvgpu_access_end() }; break
		:: ret == OK && FREE_RUN ->
			d_step { touch(); assert(!was_noted); nvgpu_access_end() };	/* no noted page is read */
			break
		fi
	od;
	atomic { was_noted = false; ret = OK }
}

active [THREADS] proctype Thread()
{
	byte ops, s;
	mtype:access ret = OK;
	bool is_p, small, was_noted;

	do
	:: atomic { ops < OPS -> ops++ }; nvgpu_rdwr(was_noted, s, ret)
	:: atomic { ops < OPS -> ops++; small = UNALIGNED; if :: is_p = true :: true fi };
		nvgpu_mmap_huge_fault(is_p, small, s, ret)
	:: ops == OPS -> break
	od;
	users--
}

/* The PCI core resets the function, with (announced) or without a callback before that. */
inline hw_reset(announced)
{
	d_step {
		assert(!announced || pmd == NONE);	/* no mapping when a reset starts */
		surprise = surprise || !announced;
		hw = (hw == GONE -> GONE : IN_RESET)
	};
	hw = (hw == GONE -> GONE : TRAINING)
}

inline lost()		{ d_step { disconnected = true; hw = GONE; surprise = true } }
inline revoked()	{ d_step { assert(pmd == NONE); surprise = false } }
inline slot_reset()	{ nvgpu_reset_prepare(IS(SLOT_NO_REVOKE)); revoked(); nvgpu_reset_done() }
inline perm_failure()	{ nvgpu_reset_prepare(IS(PERM_NO_REVOKE)); revoked(); nvgpu_reset_done() }
inline frozen()		{ nvgpu_ready_reset_begin(IS(FROZEN_NO_BEGIN)); nvgpu_revoke(false) }
inline nvgpu_remove()	{ nvgpu_ready_invalidate(false); nvgpu_revoke(IS(REMOVE_NO_REVOKE)); revoked() }

/* What the PCI core does, one at a time. */
active proctype Device()
{
	byte events;

	do
	:: atomic { events < EVENTS && !disconnected && !device_lock -> device_lock = true; events++ };
		if
		:: nvgpu_reset_prepare(false); hw_reset(true); nvgpu_reset_done()
		:: hw_reset(false); slot_reset()
		:: lost(); perm_failure()
		:: lost(); nvgpu_remove()
		:: frozen(); hw_reset(true); slot_reset()
		:: frozen(); lost(); perm_failure()
		fi;
		device_lock = false
	:: events == EVENTS || disconnected -> break
	od
}

/* D3hot or low power, and back: vfio-pci-core ends access, with memory_lock held. */
active proctype Power()
{
	byte sleeps;

	do
	:: d_step { sleeps < SLEEPS && !readers ->
		sleeps++; d3hot = true; zap(false); hw = (hw == READY -> TRAINING : hw) };
		nvgpu_ready_invalidate(IS(D3_NO_INVALIDATE));
		nvgpu_revoke(false);
		d_step { !readers -> d3hot = false }
	:: sleeps == SLEEPS -> break
	od;
	users--
}

/* nvgpu_poison_pgoff(); memory-failure keeps it registered meanwhile. */
active proctype Failure()
{
	byte failures;

end:	do
	:: d_step { registered && failures < FAILURES ->
		failures++; noted = true; note_gen = GEN; failed_in = resets; zapped = false; queued = true }
	od
}

active proctype nvgpu_poison_settle()
{
end:	do
	:: d_step { queued -> queued = false; working = true };
		d_step { !readers || IS(SETTLE_NO_LOCK) ->
			settled = true;
			zapped = true;
			zap(IS(SETTLE_NO_ZAP));
			assert(!P_IS_BAD || (pmd != HUGE && !p_mapped))	/* P is unmapped */
		};
		working = false
	od
}

/* The last user closes the file, after its mappings have gone, and another one opens it. */
active proctype Owner()
{
end:	REOPEN && !users;
	d_step { zap(false) };
	!IS(FLUSH_EARLY) || (!queued && !working);
	registered = false;
	queued = queued && !IS(CLOSE_NO_FLUSH);
	!working && (!queued || IS(FLUSH_EARLY));
	assert(!noted || settled);		/* no note stays pending */
	atomic { !device_lock -> device_lock = true };
	hw = (hw == GONE -> GONE : IN_RESET);	/* vfio_pci_core_disable(): without a callback */
	hw = (hw == GONE -> GONE : TRAINING);
	device_lock = false;
	nvgpu_ready_invalidate(IS(OPEN_NO_INVALIDATE));
	registered = true;
	run Thread()
}
