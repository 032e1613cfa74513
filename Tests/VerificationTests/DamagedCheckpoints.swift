import Foundation
import JSONText
import TestSupport
import Testing

/// The checkpoints of the reference in `Tests/Fixtures/formats`.
enum ReferenceCheckpoint {
  static let formats = [
    "w4a16", "w3a16", "w2a16", "w8a16", "w4a16_asym", "mixed_w2_w4", "w8a8_int8", "fp8_dynamic",
    "fp8_static", "fp8_block", "nvfp4", "mxfp4", "mxfp8", "w4a16_kv_fp8",
  ]

  /// Calls `body` with a copy that may be damaged.
  static func withCopy(_ format: String, _ body: (URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let copy = folder.appending(path: format)
      try FileManager.default.copyItem(
        at: Fixtures.folder.appending(path: "formats/\(format)"), to: copy)
      try FileManager.default.removeItem(at: copy.appending(path: "expected.safetensors"))
      try body(copy)
    }
  }
}

/// A file of tensors that is taken apart and put together again.
struct TensorParts {
  var header: [JSONValue.Member]
  var data: Data

  init() { (header, data) = ([], Data()) }

  init(_ file: URL) throws {
    let bytes = try Data(contentsOf: file)
    let size = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let json = try JSONValue.parse(Array(bytes[8..<8 + size]))
    header = try #require(json.objectValue)
    data = Data(bytes[(8 + size)...])
  }

  func write(to file: URL) throws {
    let json = Array(JSONValue.object(header).text().utf8)
    try (withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) } + Data(json) + data)
      .write(to: file)
  }

  func range(_ tensor: String) throws -> Range<Int> {
    let entry: JSONValue.Member = try #require(header.first { $0.key == tensor })
    let offsets: [Int] = try #require(
      entry.value["data_offsets"]?.arrayValue?.compactMap { $0.intValue })
    return offsets[0]..<offsets[1]
  }

  /// Takes a tensor and its bytes away.
  mutating func remove(_ tensor: String) throws {
    let range = try range(tensor)
    var rest: [JSONValue.Member] = []
    for member in header where member.key != tensor {
      guard member.key != "__metadata__" else {
        rest.append(member)
        continue
      }
      var (value, place) = (member.value, try self.range(member.key))
      if place.lowerBound >= range.upperBound {
        place = place.lowerBound - range.count..<place.upperBound - range.count
      }
      value.set("data_offsets", [JSONValue(place.lowerBound), JSONValue(place.upperBound)])
      rest.append(JSONValue.Member(member.key, value))
    }
    header = rest
    data.removeSubrange(range)
  }

  /// Adds a tensor at the end.
  mutating func add(_ tensor: TinyTensor) {
    let start = data.count
    data += tensor.bytes
    header.append(
      JSONValue.Member(
        tensor.name,
        [
          "dtype": .string(tensor.dtype), "shape": .array(tensor.shape.map { JSONValue($0) }),
          "data_offsets": [JSONValue(start), JSONValue(data.count)],
        ]))
  }
}

/// A tensor of a checkpoint that a test makes up.
struct TinyTensor: Sendable {
  var name: String
  var dtype: String
  var shape: [Int]
  var bytes: [UInt8]

  init(_ name: String, _ dtype: String, _ shape: [Int], _ bytes: [UInt8]) {
    (self.name, self.dtype, self.shape, self.bytes) = (name, dtype, shape, bytes)
  }

  /// Of 32-bit words, or of floats by their bits.
  init(_ name: String, _ dtype: String, _ shape: [Int], words: [UInt32]) {
    self.init(
      name, dtype, shape, words.flatMap { word in (0..<4).map { UInt8(word >> (8 * $0) & 255) } })
  }
}

/// A checkpoint of a few tensors.
enum TinyCheckpoint {
  /// Writes one whose only group has these weights.
  static func write(
    _ tensors: [TinyTensor], format: String, weights: String, ignore: String = "[]", to folder: URL
  ) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var parts = TensorParts()
    for tensor in tensors { parts.add(tensor) }
    try parts.write(to: folder.appending(path: "model.safetensors"))
    let configuration = """
      {"architectures": ["X"], "model_type": "x", "quantization_config": {
        "quant_method": "compressed-tensors", "quantization_status": "compressed",
        "format": "\(format)", "ignore": \(ignore),
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": \(weights)}}}}
      """
    try Data(configuration.utf8).write(to: folder.appending(path: "config.json"))
  }
}
