import Foundation
import Synchronization

/// A server of HTTP/1.1 on this machine alone, for tests: it answers each request as a closure says, and each connection
/// once.
package final class LoopbackServer: Sendable {
  /// A request as it came.
  package struct Request: Sendable {
    package let method: String
    /// Path and query as they were sent.
    package let target: String
    /// By names in small letters.
    package let fields: [String: String]
  }

  /// An answer, sound or not.
  package struct Answer: Sendable {
    package var status: Int
    package var fields: [(String, String)]
    package var body: [UInt8]
    /// What is said of the body's size; nil for nothing.
    package var announcedByteCount: Int?
    /// Bytes after which the connection is cut; nil if it is not.
    package var cut: Int?
    /// Seconds before each piece of so many bytes.
    package var slowness: (seconds: Double, byteCount: Int)?

    package init(
      _ status: Int, _ fields: [(String, String)] = [], body: [UInt8] = []
    ) {
      (self.status, self.fields, self.body) = (status, fields, body)
      announcedByteCount = body.count
    }
  }

  /// `http://127.0.0.1:<port>`.
  package let address: String
  private let listener: CInt
  private let log = Mutex<[Request]>([])
  private let answer: @Sendable (Request) -> Answer

  /// What was asked for so far.
  package var requests: [Request] { log.withLock { $0 } }

  /// Listens at a port that is free.
  package init(_ answer: @escaping @Sendable (Request) -> Answer) throws {
    self.answer = answer
    #if canImport(Glibc)
      listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    #else
      listener = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = listener
    let code = withUnsafeMutablePointer(to: &place) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
        bind(descriptor, place, size) == 0 && listen(descriptor, 64) == 0
          ? getsockname(descriptor, place, &size) : -1
      }
    }
    address = "http://127.0.0.1:\(UInt16(bigEndian: place.sin_port))"
    guard code == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
    Thread.detachNewThread { [weak self] in
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { return }
        guard let server = self else {
          Foundation.close(connection)
          return
        }
        Thread.detachNewThread { server.serve(connection) }
      }
    }
  }

  deinit {
    // Ends the waiting for connections as well.
    shutdown(listener, CInt(SHUT_RDWR))
    close(listener)
  }

  private func serve(_ connection: CInt) {
    defer { close(connection) }
    guard let request = read(connection) else { return }
    log.withLock { $0.append(request) }
    let answer = answer(request)
    var head = "HTTP/1.1 \(answer.status) -\r\nConnection: close\r\n"
    for (name, value) in answer.fields { head += "\(name): \(value)\r\n" }
    if let count = answer.announcedByteCount { head += "Content-Length: \(count)\r\n" }
    guard send(Array((head + "\r\n").utf8), connection) else { return }
    var rest = answer.body.prefix(answer.cut ?? .max)
    while !rest.isEmpty {
      let piece = rest.prefix(answer.slowness?.byteCount ?? 1 << 16)
      if let seconds = answer.slowness?.seconds { Thread.sleep(forTimeInterval: seconds) }
      guard send(Array(piece), connection) else { return }
      rest = rest.dropFirst(piece.count)
    }
    guard answer.cut == nil else {
      // Cut off rather than ended.
      var lingering = linger(l_onoff: 1, l_linger: 0)
      setsockopt(
        connection, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
      // What was sent is to arrive before that.
      Thread.sleep(forTimeInterval: 0.05)
      return
    }
    shutdown(connection, CInt(SHUT_WR))
    var byte: UInt8 = 0
    _ = recv(connection, &byte, 1, 0)
  }

  private func read(_ connection: CInt) -> Request? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      guard bytes.count < 1 << 16, recv(connection, &byte, 1, 0) == 1 else { return nil }
      bytes.append(byte)
    }
    let lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ").map(String.init)
    guard words.count == 3 else { return nil }
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[line[..<colon].lowercased()] =
        line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    return Request(method: words[0], target: words[1], fields: fields)
  }

  private func send(_ bytes: [UInt8], _ connection: CInt) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      #if canImport(Glibc)
        let flags = CInt(MSG_NOSIGNAL)
      #else
        let flags: CInt = 0
      #endif
      let count = rest.withUnsafeBytes {
        Foundation.send(connection, $0.baseAddress, $0.count, flags)
      }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
