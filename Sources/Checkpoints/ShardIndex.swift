package import Diagnostics
import JSONText

/// `model.safetensors.index.json`: which file of a checkpoint holds which tensor.
package struct ShardIndex: Sendable, Equatable {
  /// The file's name in a checkpoint folder.
  package static let fileName = "model.safetensors.index.json"

  /// The name of the shard that holds a tensor, by the tensor's name.
  package var shardOfTensor: [String: String]
  /// Bytes of all tensors.
  package var tensorByteCount: Int?

  /// The shards' file names, sorted.
  package var shardNames: [String] { Set(shardOfTensor.values).sorted() }

  /// Creates an index.
  package init(shardOfTensor: [String: String], tensorByteCount: Int?) {
    self.shardOfTensor = shardOfTensor
    self.tensorByteCount = tensorByteCount
  }

  /// Reads an index.
  ///
  /// - Throws: `InputError` if the bytes are no such document, or if a shard's name is not the
  ///   plain name of a file beside the index. It does not name the index.
  package init(json: [UInt8]) throws(InputError) {
    let root = JSONReader(try JSONValue.parse(json))
    tensorByteCount = root.value["metadata"]?["total_size"]?.intValue
    shardOfTensor = [:]
    for (tensor, reader) in try root.required("weight_map").members() {
      let shard = try reader.string()
      guard isPlainFileName(shard), shard.hasSuffix(".safetensors") else {
        throw InputError(
          .invalidValue, place: place(ofTensor: tensor),
          "the shard \(quoted(shard)) is not the plain name of a .safetensors file beside the index"
        )
      }
      guard shardOfTensor.updateValue(shard, forKey: tensor) == nil else {
        throw InputError(.malformed, place: place(ofTensor: tensor), "occurs twice in 'weight_map'")
      }
    }
  }

  /// The index as a document, with tensors in the order of their names.
  package var text: String {
    let tensors = shardOfTensor.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    let document: JSONValue = [
      "metadata": .object(
        tensorByteCount.map { [JSONValue.Member("total_size", JSONValue($0))] } ?? []),
      "weight_map": .object(tensors.map { JSONValue.Member($0.key, .string($0.value)) }),
    ]
    return document.text(indentation: 2) + "\n"
  }
}

/// Whether `name` names a file in a folder, rather than a path that leads elsewhere.
func isPlainFileName(_ name: String) -> Bool {
  !name.isEmpty && name != "." && name != ".."
    && !name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.value == 0 }
}
