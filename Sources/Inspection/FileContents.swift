import Diagnostics
import Foundation
import GGUF
import GGUFModels
public import JSONText

/// What a file of llama.cpp holds: its keys, and the types of its tensors.
public struct FileContents: Sendable, Equatable {
  /// The tensors of one type.
  public struct TypeShare: Sendable, Equatable {
    /// The type: `q4_k`, `f32`.
    public var name: String
    /// Its tensors.
    public var tensorCount: Int
    /// The numbers in them.
    public var weightCount: Int
    /// Their bytes.
    public var byteCount: Int

    /// Bits for each number, scales included.
    public var bitsPerWeight: Double {
      Double(bitsOf: byteCount, for: weightCount)
    }
  }

  /// One key of the metadata.
  public struct Key: Sendable, Equatable {
    /// The key.
    public var name: String
    /// Its value in a few words: of lists their size alone.
    public var value: String
  }

  /// The most bytes first.
  public var types: [TypeShare]
  /// In the order of the file.
  public var keys: [Key]

  init(_ file: GGUFFile) {
    keys = file.metadata.entries.map { Key(name: $0.key, value: $0.value.summary) }
    types = Dictionary(grouping: file.tensors, by: \.type).map { type, tensors in
      TypeShare(
        name: type.name, tensorCount: tensors.count,
        weightCount: tensors.reduce(0) { $0 + $1.shape.reduce(1, *) },
        byteCount: tensors.reduce(0) { $0 + $1.byteCount })
    }.sorted { ($1.byteCount, $0.name) < ($0.byteCount, $1.name) }
  }

  /// Bits for each number of the whole file, scales included.
  public var bitsPerWeight: Double {
    let weightCount = types.reduce(0) { $0 + $1.weightCount }
    let byteCount = types.reduce(0) { $0 + $1.byteCount }
    return Double(bitsOf: byteCount, for: weightCount)
  }

  /// The contents as a JSON object.
  public var json: JSONValue {
    [
      "bits_per_weight": JSONValue(bitsPerWeight),
      "types": .array(
        types.map {
          [
            "type": .string($0.name), "tensors": JSONValue($0.tensorCount),
            "weights": JSONValue($0.weightCount), "bytes": JSONValue($0.byteCount),
          ]
        }),
      "keys": .object(keys.map { .init($0.name, .string($0.value)) }),
    ]
  }

  var rows: [(String, String)] {
    [("file", "\(Quantities.decimal(bitsPerWeight)) bits per weight")]
      + types.map { type in
        (
          "",
          "\(type.tensorCount) tensors of type \(type.name) "
            + "(\(Quantities.decimal(type.bitsPerWeight)) bits, \(Quantities.bytes(type.byteCount)))"
        )
      } + [("keys", "\(keys.count)")] + keys.map { ("", "\($0.name) = \($0.value)") }
  }
}

extension Double {
  /// The bits of so many bytes for each of so many weights; zero without weights.
  init(bitsOf byteCount: Int, for weightCount: Int) {
    self = weightCount > 0 ? Double(byteCount) * 8 / Double(weightCount) : 0
  }
}
