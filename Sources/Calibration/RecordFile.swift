import Diagnostics
import Foundation
import JSONText
import Tensors

/// The records of a file in their order: lines with a JSON object each, or the elements of a JSON array.
struct RecordFile: Sequence {
  /// A record that is yet to be read.
  struct Entry {
    /// Lines from 1, elements from 0.
    let number: Int
    let isLine: Bool
    let value: () throws -> JSONValue

    /// The same error at this record. Its place within the record follows, without the number of the line that a parser
    /// of one line gives.
    func placed(_ error: InputError) -> InputError {
      let inLine = error.place.map { $0.hasPrefix("line 1, ") ? String($0.dropFirst(8)) : $0 }
      var copy = error
      copy.place = [isLine ? "line \(number)" : "[\(number)]", inLine].compactMap { $0 }
        .joined(separator: ", ")
      return copy
    }
  }

  private let bytes: Data
  private let elements: [JSONValue]?
  /// The seed by which they are shuffled; nil: as they come.
  private let seed: UInt64?
  /// Most bytes of an array, which is read at once.
  private static let documentByteCountLimit = 1 << 28

  /// - Parameter isDocument: Whether the file may be one JSON array.
  init(_ bytes: Data, isDocument: Bool, shuffledBy seed: UInt64?) throws {
    self.bytes = bytes
    self.seed = seed
    guard isDocument, bytes.first(where: { $0 > UInt8(ascii: " ") }) == UInt8(ascii: "[") else {
      elements = nil
      return
    }
    guard bytes.count <= Self.documentByteCountLimit else {
      throw InputError(
        .unsupported,
        "is a JSON array of \(bytes.count) bytes, expected at most \(Self.documentByteCountLimit); write a .jsonl "
          + "file with an object on each line")
    }
    elements = try JSONValue.parse(bytes).arrayValue
  }

  func makeIterator() -> AnyIterator<Entry> {
    guard let seed else { return AnyIterator(entries.makeIterator()) }
    var all = Array(entries)
    var generator = MersenneTwister(seed: seed)
    generator.shuffle(&all)
    return AnyIterator(all.makeIterator())
  }

  private var entries: AnySequence<Entry> {
    if let elements {
      return AnySequence(
        elements.enumerated().lazy.map { number, value in
          Entry(number: number, isLine: false) { value }
        })
    }
    return AnySequence(
      JSONLines(bytes).lazy.map { line, number in
        Entry(number: number, isLine: true) { try JSONValue.parse(line) }
      })
  }
}

/// The lines of a JSON Lines file that are not blank, with their numbers from 1.
struct JSONLines: Sequence, IteratorProtocol {
  private var rest: Data
  private var number = 0

  init(_ bytes: Data) { rest = bytes }

  mutating func next() -> (line: Data, number: Int)? {
    while !rest.isEmpty {
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      let line = rest[..<end]
      rest = rest[end...].dropFirst()
      number += 1
      if line.contains(where: { $0 > UInt8(ascii: " ") }) { return (line, number) }
    }
    return nil
  }
}
