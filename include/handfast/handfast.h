/* Handfast: TCP as a C library. This header includes all the others that need no operating
 * system; links, hosts, the simulator and the views have headers of their own, included last. */
#ifndef HANDFAST_HANDFAST_H
#define HANDFAST_HANDFAST_H

#include <handfast/address.h>
#include <handfast/packet.h>
#include <handfast/settings.h>
#include <handfast/stack.h>
#include <handfast/tcp.h>
#include <handfast/trace.h>
#include <handfast/types.h>

#include <handfast/explain.h>
#include <handfast/host.h>
#include <handfast/link.h>
#include <handfast/recorder.h>
#include <handfast/sim.h>
#include <handfast/socket.h>
#include <handfast/view.h>

#endif
