import Checksums
import Foundation
import JSONText
import Synchronization

/// A hub on this machine with one model, which answers as the hub does; and faults, where a test asks for them.
package final class LoopbackHub: Sendable {
  /// A file of the model.
  package struct File: Sendable {
    package var bytes: [UInt8]
    /// Whether git leaves it to others, as it does with weights.
    package var isLarge: Bool

    package init(_ bytes: [UInt8], isLarge: Bool = false) {
      (self.bytes, self.isLarge) = (bytes, isLarge)
    }

    package init(_ text: String) { self.init(Array(text.utf8)) }

    /// What the hub calls the content.
    package var digest: String {
      if isLarge { return SHA256.hexadecimal(of: bytes) }
      var sum = SHA1(gitBlobOf: bytes.count)
      sum.update(bytes)
      return sum.hexadecimal
    }

    fileprivate func entry(_ path: String) -> JSONValue {
      // What git has of a large file is a pointer to it.
      guard isLarge else {
        return [
          "type": "file", "oid": .string(digest), "size": JSONValue(bytes.count),
          "path": .string(path),
        ]
      }
      return [
        "type": "file", "oid": .string(String(repeating: "1", count: 40)),
        "size": JSONValue(bytes.count),
        "lfs": [
          "oid": .string(digest), "size": JSONValue(bytes.count), "pointerSize": 134,
        ],
        "path": .string(path),
      ]
    }
  }

  /// The commit that `main` is.
  package static let commit = String(repeating: "0123456789", count: 4)
  /// The model's name.
  package static let repository = "owner/Model-1"

  private let server: LoopbackServer
  private let counts: Counts

  package var address: String { server.address }
  package var requests: [LoopbackServer.Request] { server.requests }

  /// Paths of the model's files that were asked for, in the order of their names.
  package var files: [String] {
    requests.compactMap { request in
      request.target.split(separator: "/resolve/\(Self.commit)/").dropFirst().first.map(String.init)
    }.sorted()
  }

  /// Answers in the hub's place, or makes another of its answer. It is told what is asked for, how often that was
  /// before, and what the hub would answer.
  package typealias Fault =
    @Sendable (LoopbackServer.Request, Int, LoopbackServer.Answer) -> LoopbackServer.Answer

  /// - Parameters:
  ///   - files: The model's files by their paths.
  ///   - entriesOfPage: Files on a page of the list.
  ///   - isDataset: Whether it is a dataset of this name, and no model.
  package init(
    _ files: [String: File], entriesOfPage: Int = 1000, isDataset: Bool = false,
    fault: @escaping Fault = { _, _, answer in answer }
  ) throws {
    let counts = Counts()
    self.counts = counts
    server = try LoopbackServer { request in
      let answer = Self.answer(request, files, entriesOfPage, isDataset)
      return fault(request, counts.add(request.target), answer)
    }
  }

  private static func answer(
    _ request: LoopbackServer.Request, _ files: [String: File], _ entriesOfPage: Int,
    _ isDataset: Bool
  ) -> LoopbackServer.Answer {
    let model = "/api/\(isDataset ? "datasets" : "models")/\(repository)"
    let target = request.target
    if target == "\(model)/revision/main" || target == "\(model)/revision/\(commit)" {
      return document(["id": .string(repository), "sha": .string(commit)])
    }
    if target.hasPrefix("\(model)/revision/") {
      return .init(404, [("X-Error-Code", "RevisionNotFound")])
    }
    let tree = "\(model)/tree/\(commit)?recursive=true"
    if target.hasPrefix(tree) {
      let start = Int(target.dropFirst(tree.count + "&cursor=".count)) ?? 0
      let all = files.sorted { $0.key < $1.key }.map { $0.value.entry($0.key) }
      let end = min(all.count, start + entriesOfPage)
      var answer = document(.array(Array(all[start..<end])))
      if end < all.count {
        let host = request.fields["host"] ?? ""
        answer.fields.append(("Link", "<http://\(host)\(tree)&cursor=\(end)>; rel=\"next\""))
      }
      return answer
    }
    let resolve = "\(isDataset ? "/datasets" : "")/\(repository)/resolve/\(commit)/"
    if target.hasPrefix(resolve), let file = files[String(target.dropFirst(resolve.count))] {
      return content(file, request)
    }
    return .init(404, [("X-Error-Code", "RepoNotFound")])
  }

  private static func document(_ value: JSONValue) -> LoopbackServer.Answer {
    .init(200, [("Content-Type", "application/json")], body: Array(value.text().utf8))
  }

  /// A file, or the part of it that is asked for.
  package static func content(
    _ file: File, _ request: LoopbackServer.Request
  ) -> LoopbackServer.Answer {
    let fields = [("X-Repo-Commit", commit), ("ETag", "\"\(file.digest)\"")]
    guard let range = request.fields["range"]?.dropFirst("bytes=".count) else {
      return .init(200, fields, body: file.bytes)
    }
    let ends = range.split(separator: "-").compactMap { Int($0) }
    guard ends.count == 2, ends[0] <= ends[1], ends[0] < file.bytes.count else {
      return .init(416)
    }
    let last = min(ends[1], file.bytes.count - 1)
    return .init(
      206, fields + [("Content-Range", "bytes \(ends[0])-\(last)/\(file.bytes.count)")],
      body: Array(file.bytes[ends[0]...last]))
  }

  /// How often each thing was asked for.
  private final class Counts: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    func add(_ target: String) -> Int {
      counts.withLock { counts in
        defer { counts[target, default: 0] += 1 }
        return counts[target, default: 0]
      }
    }
  }
}
