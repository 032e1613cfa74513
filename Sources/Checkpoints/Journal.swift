import Checksums
package import Diagnostics
import Foundation
package import JSONText
import Tensors

/// A file of records that only grows: what a run has finished, one record after another.
///
/// Each line is the SHA-256 of a JSON text, a space, and the text. A record counts once it is on the
/// disk; a last line that is cut off or damaged is what was being written when the power failed, and
/// is taken away.
package final class Journal {
  private let path: String
  private var byteCount: Int
  /// All records so far.
  package private(set) var records: [JSONValue]

  /// Opens a journal, or an empty one if there is none.
  ///
  /// - Throws: `InputError` of code `malformed` if a line before the last is damaged; of code
  ///   `unreadable` or `unwritable`.
  package init(at path: String) throws(InputError) {
    self.path = path
    guard FileStatus(path: path, followingLinks: false) != nil else {
      (records, byteCount) = ([], 0)
      return
    }
    (records, byteCount) = try Self.parse(readFile(path), path)
    try OutputFile.require(
      truncate(path, off_t(byteCount)) == 0, path, "cannot be cut to \(byteCount) bytes")
  }

  /// The records of a journal's text, and the bytes that they take.
  package static func parse(
    _ bytes: [UInt8], _ source: String
  ) throws(InputError) -> (records: [JSONValue], byteCount: Int) {
    var records: [JSONValue] = []
    var start = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      guard let record = record(bytes[start..<end]) else {
        guard end == bytes.count - 1 else {
          throw InputError(
            .malformed, source: source, place: "line \(records.count + 1)",
            "does not have its checksum; the journal is damaged")
        }
        break
      }
      records.append(record)
      start = end + 1
    }
    return (records, start)
  }

  private static func record(_ line: ArraySlice<UInt8>) -> JSONValue? {
    let digest = Array(line.prefix(64))
    let text = Array(line.dropFirst(65))
    guard digest.elementsEqual(SHA256.hexadecimal(of: text).utf8),
      line.dropFirst(64).first == UInt8(ascii: " ")
    else { return nil }
    return try? JSONValue.parse(text)
  }

  private static func line(_ text: some Sequence<UInt8>) -> [UInt8] {
    let text = Array(text)
    return Array(SHA256.hexadecimal(of: text).utf8) + [UInt8(ascii: " ")] + text + [0x0A]
  }

  /// A journal's text with the checksum of each line made that of what follows it.
  package static func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
    bytes.split(separator: 0x0A).flatMap { line($0.dropFirst(65)) }
  }

  /// Adds a record and waits until it is on the disk.
  package func append(_ record: JSONValue) throws(InputError) {
    let line = Self.line(Array(record.text().utf8))
    let isNew = FileStatus(path: path, followingLinks: false) == nil
    let file =
      try isNew ? OutputFile(creating: path, byteCount: 0) : OutputFile(opening: path)
    try file.write(line, at: byteCount)
    try file.synchronize()
    if isNew { try OutputFile.synchronizeFolder(OutputLocation.parent(of: path)) }
    byteCount += line.count
    records.append(record)
  }
}
