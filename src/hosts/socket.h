/* socket.h: TCP between hosts: a listener, a connection with patience, interfaces by name.
 * Sockets do not block and are closed on exec. */
#ifndef MF_HOSTS_SOCKET_H
#define MF_HOSTS_SOCKET_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Listens on all addresses, IPv6 and IPv4 where there is IPv6. *port 0: any free one, which is then
 * set. -1 and MF_ERR_IO when the port is in use. */
MF_MUST_CHECK int mf_hosts_listen(uint16_t *port, mf_error *err);

/* Connects to the port at one of the names (or addresses), trying until wait_seconds are over: names
 * may not resolve before a host has started. Logs the first failure and one each minute. -1 and
 * MF_ERR_IO with the last reason, or MF_ERR_STOPPED after SIGTERM. */
MF_MUST_CHECK int mf_hosts_connect(const char *const *names, size_t n_names, uint16_t port,
                                   double wait_seconds, mf_error *err);

enum { MF_HOSTS_ADDRESS_BYTES = 64, MF_HOSTS_INTERFACE_BYTES = 32 };

/* The numeric address of the other end; "?" when there is none. */
void mf_hosts_peer_address(int fd, char address[MF_HOSTS_ADDRESS_BYTES]);

/* The interface that has this end's address. False: none has. */
bool mf_hosts_interface_of(int fd, char name[MF_HOSTS_INTERFACE_BYTES]);

/* True when an interface of this name is up. */
bool mf_hosts_interface_exists(const char *name);

/* Numeric addresses of this host, those of interfaces that others reach first; returns how many. */
size_t mf_hosts_addresses(char (*address)[MF_HOSTS_ADDRESS_BYTES], size_t n_max);

#endif
