import Diagnostics
import Foundation

/// What a hub says of a model.
struct RemoteListing: Sendable {
  let name: ModelName
  let connection: HubConnection

  private static let pageByteCountLimit = 32 << 20
  private static let pageCountLimit = 200

  private var subject: RequestSubject { RequestSubject(model: name) }

  /// The commit that the name's revision is now.
  func commit() async throws -> String {
    let address = connection.address(
      ["api", name.kind.plural] + name.words + ["revision", name.revision])
    let answer = try await document(address)
    let found = try naming(answerName) { () throws(InputError) in
      try Hub.commit(json: answer.bytes)
    }
    // A commit that is asked for is the one that is meant, whatever the hub says.
    guard !isCommit(name.revision) || found == name.revision else {
      throw InputError(
        .malformed, source: answerName, "is about the commit \(found), not the one asked for")
    }
    return found
  }

  /// All files of a commit.
  func files(of commit: String) async throws -> [RemoteFile] {
    var files: [RemoteFile] = []
    var next: String? = connection.address(
      ["api", name.kind.plural] + name.words + ["tree", commit], query: "?recursive=true")
    var pageCount = 0
    while let address = next {
      pageCount += 1
      guard pageCount <= Self.pageCountLimit, files.count <= RemoteFile.countLimit else {
        throw InputError(.malformed, source: answerName, "lists files without end")
      }
      let page = try await document(address)
      files += try naming(answerName) { () throws(InputError) in
        try RemoteFile.files(json: page.bytes)
      }
      next = try page.head.fields["link"].flatMap(HeaderFields.nextPage).map { text in
        guard let url = URL(string: text, relativeTo: URL(string: address))?.absoluteURL,
          connection.isHub(url)
        else {
          throw InputError(
            .malformed, source: answerName, "goes on at \(quoted(text)), which is not the hub")
        }
        return url.absoluteString
      }
    }
    return files
  }

  private var answerName: String { "\(name.text): the hub's answer" }

  private func document(_ address: String) async throws -> (head: AnswerHead, bytes: [UInt8]) {
    try await connection.document(
      address, limit: Self.pageByteCountLimit, about: subject)
  }
}
