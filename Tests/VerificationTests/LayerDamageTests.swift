import Foundation
import JSONText
import TestSupport
import Testing
import Verification

/// Layers whose tensors contradict each other or their scheme.
@Suite struct LayerDamageTests {
  /// A layer of five rows and ten columns in 4 bits, whose last words are not full.
  private static let packed = [
    TinyTensor("a.weight_packed", "I32", [5, 2], words: Array(repeating: 0x11, count: 10)),
    TinyTensor("a.weight_scale", "F32", [5, 2], words: Array(repeating: 0x3F80_0000, count: 10)),
    TinyTensor("a.weight_shape", "I64", [2], words: [5, 0, 10, 0]),
    TinyTensor("a.weight_zero_point", "I32", [1, 2], words: [0x77777, 0x88888]),
  ]
  private static let packedWeights =
    #"{"num_bits": 4, "type": "int", "symmetric": false, "strategy": "group", "group_size": 5}"#

  private static let plain = [
    TinyTensor("a.weight", "I8", [2, 3], [1, 2, 3, 7, 0, 0xF8]),
    TinyTensor("a.weight_scale", "F32", [2, 1], words: [0x3F80_0000, 0x3F80_0000]),
    TinyTensor("a.weight_zero_point", "I8", [2, 1], [0xF8, 7]),
  ]
  private static let plainWeights =
    #"{"num_bits": 4, "type": "int", "symmetric": false, "strategy": "channel"}"#

  private func findings(
    _ tensors: [TinyTensor], _ format: String, _ weights: String, source: [TinyTensor]? = nil,
    ignore: String = "[]"
  ) throws -> [VerificationReport.Finding] {
    try withTemporaryFolder { folder in
      let (checkpoint, original) = (folder.appending(path: "a"), folder.appending(path: "b"))
      try TinyCheckpoint.write(
        tensors, format: format, weights: weights, ignore: ignore, to: checkpoint)
      if let source {
        try TinyCheckpoint.write(source, format: format, weights: weights, to: original)
      }
      return Verifier(checkpoint, source: source == nil ? nil : original).run()
        .findings
    }
  }

  @Test func tinyLayersAreSound() throws {
    #expect(try findings(Self.packed, "pack-quantized", Self.packedWeights) == [])
    #expect(try findings(Self.plain, "int-quantized", Self.plainWeights) == [])
  }

  /// Codes that are all at one end, of weights that lie beyond that end and of others.
  @Test(arguments: [-8, 7]) func groupsAreCutOffOnlyWhereTheSourceIsBeyond(_ end: Int) throws {
    let count = 16
    func floats(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
    let layer = [
      TinyTensor(
        "a.weight", "I8", [1, count], Array(repeating: UInt8(bitPattern: Int8(end)), count: count)),
      TinyTensor("a.weight_scale", "F32", [1, 1], words: floats([1])),
    ]
    func findings(_ values: [Float]) throws -> [VerificationReport.Finding] {
      try self.findings(
        layer, "int-quantized",
        #"{"num_bits": 4, "type": "int", "symmetric": true, "strategy": "channel"}"#,
        source: [TinyTensor("a.weight", "F32", [1, count], words: floats(values))]
      ).filter { $0.kind == .damage }
    }
    #expect(try findings((0..<count).map { Float(end) * (1 + Float($0)) }) == [])
    let near = (0..<count).map { Float($0 % 5) - 2 }
    #expect(try findings(near).map(\.place) == ["a.weight"])
    #expect(
      try findings((0..<count).map { -Float(end) * (1 + Float($0)) }).map(\.place) == ["a.weight"])
  }

  /// Normal, subnormal and the largest numbers of f16 beside integers with a scale that is exact; half of
  /// the scale is another's.
  @Test(arguments: [(0x3C00, 0x3F80_0000), (0x0001, 0x3380_0000), (0x0C00, 0x3980_0000)])
  func sourcesInHalfPrecisionAreCompared(_ one: UInt16, _ scale: UInt32) throws {
    // Steps from one subnormal, or from one power of two, to the next.
    let halves: [UInt16] =
      one == 1 ? (1...8).map { $0 } : (0..<8).map { one + 0x400 * ($0 % 4) + ($0 < 4 ? 0 : 0x8000) }
    let elements: [Int8] =
      one == 1 ? (1...8).map { $0 } : [1, 2, 4, 8, -1, -2, -4, -8]
    let source = TinyTensor(
      "a.weight", "F16", [1, 8], halves.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] })
    let weights = #"{"num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel"}"#
    func layer(_ scale: UInt32) -> [TinyTensor] {
      [
        TinyTensor("a.weight", "I8", [1, 8], elements.map { UInt8(bitPattern: $0) }),
        TinyTensor("a.weight_scale", "F32", [1, 1], words: [scale]),
      ]
    }
    #expect(try findings(layer(scale), "int-quantized", weights, source: [source]) == [])
    let halved = try findings(layer(scale - 0x80_0000), "int-quantized", weights, source: [source])
    #expect(halved.map(\.place) == ["a.weight"], "\(halved)")
  }

  /// The tensor, what becomes of it, and what is said.
  @Test(arguments: [
    (
      TinyTensor(
        "a.weight_packed", "I32", [5, 2], words: [1, 1, 1, 0x100, 1, 1, 1, 1, 1, 1]),
      "row 1 has bits set after its last code"
    ),
    (
      TinyTensor("a.weight_zero_point", "I32", [1, 2], words: [0, 0x100000]),
      "column 1 has bits set after its last zero point"
    ),
    // The same bytes of another type, and fewer bytes in the same shape.
    (
      TinyTensor("a.weight_packed", "U32", [5, 2], words: Array(repeating: 1, count: 10)),
      "is U32 [5, 2], expected I32 [5, 2]"
    ),
    (
      TinyTensor("a.weight_packed", "U8", [5, 2], Array(repeating: 1, count: 10)),
      "is U8 [5, 2], expected I32 [5, 2]"
    ),
    (
      TinyTensor("a.weight_zero_point", "U8", [1, 2], [1, 1]), "is U8 [1, 2], expected I32 [1, 2]"
    ),
    (
      TinyTensor("a.weight_scale", "F8_E4M3", [5, 2], Array(repeating: 1, count: 10)),
      "is F8_E4M3 [5, 2], expected BF16 or F16 or F32 [5, 2]"
    ),
    (
      TinyTensor("a.weight_scale", "U8", [5, 2], Array(repeating: 1, count: 10)),
      "is U8 [5, 2], expected BF16 or F16 or F32 [5, 2]"
    ),
    (TinyTensor("a.weight_shape", "I64", [2], words: [5, 0, 0, 0]), "expected two sizes"),
    (
      TinyTensor("a.weight_shape", "I64", [2], words: [5, 0, 0, 0x4000_0000]), "expected two sizes"
    ),
  ])
  func damageToPackedLayersIsNamed(_ tensor: TinyTensor, _ message: String) throws {
    let tensors = Self.packed.map { $0.name == tensor.name ? tensor : $0 }
    let source = [
      TinyTensor("a.weight", "F32", [5, 10], words: Array(repeating: 0x3F80_0000, count: 50))
    ]
    let found = try findings(tensors, "pack-quantized", Self.packedWeights, source: source)
    #expect(
      found.contains { $0.place == tensor.name && $0.message.contains(message) }, "\(found)")
  }

  @Test(arguments: [
    (TinyTensor("a.weight_zero_point", "I8", [2, 1], [0, 8]), "element 1 is not in -8...7"),
    (TinyTensor("a.weight_zero_point", "I8", [2, 1], [0xF7, 0]), "element 0 is not in -8...7"),
    (TinyTensor("a.weight", "I8", [2, 3], [0, 0, 0, 0, 8, 0]), "element [1, 1] is not a number"),
    (TinyTensor("a.weight", "U8", [2, 3], [0, 0, 0, 0, 0, 0]), "expected I8 [2, 3]"),
    (TinyTensor("a.weight", "I8", [6], [0, 0, 0, 0, 0, 0]), "expected rows and columns"),
    (TinyTensor("a.weight", "I8", [2, 0], []), "expected rows and columns"),
    (TinyTensor("a.weight_packed", "I8", [1], [0]), "does not belong to a layer"),
    (TinyTensor("a.weight_g_idx", "I8", [1], [0]), "does not belong to a layer"),
  ])
  func damageToPlainLayersIsNamed(_ tensor: TinyTensor, _ message: String) throws {
    let tensors = Self.plain.filter { $0.name != tensor.name } + [tensor]
    let found = try findings(tensors, "int-quantized", Self.plainWeights, source: [])
    #expect(
      found.contains { $0.place == tensor.name && $0.message.contains(message) }, "\(found)")
  }

  /// Sizes that a sum or a product of them would not hold.
  @Test(arguments: [
    #"{"num_bits": 4, "type": "float", "symmetric": true, "strategy": "tensor_group", "group_size": 9223372036854775807}"#,
    #"{"num_bits": 4, "type": "float", "symmetric": true, "strategy": "block", "block_structure": [9223372036854775807, 9223372036854775807]}"#,
  ])
  func hugeSizesAreFindings(_ weights: String) throws {
    let source = [TinyTensor("a.weight", "F32", [1, 2], words: [0, 0])]
    for shape in [[1, 1], [0, 1 << 62], [1 << 62, 0], [0, 0]] {
      let count = shape == [1, 1] ? 1 : 0
      let tensors = [
        TinyTensor("a.weight_packed", "U8", shape, Array(repeating: 0, count: count)),
        TinyTensor("a.weight_scale", "F8_E4M3", [1, 1], [0x38]),
        TinyTensor("a.weight_global_scale", "F32", [1], words: [0x3F80_0000]),
      ]
      let found = try findings(tensors, "nvfp4-pack-quantized", weights, source: source)
      #expect(!found.isEmpty)
      #expect(count == 0 || found.everySatisfies { $0.kind == .contract }, "\(found)")
    }
  }

  @Test func whatTheSourceHasNotIsNamed() throws {
    let weight = TinyTensor("a.weight", "F32", [2, 3], words: Array(repeating: 0, count: 6))
    let norm = TinyTensor("norm.weight", "F32", [1], words: [0])
    let found = try findings(
      Self.plain + [TinyTensor("b.foo", "U8", [1], [0]), TinyTensor("a.foo", "U8", [1], [0])],
      "int-quantized", Self.plainWeights, source: [weight, norm])
    for (place, message) in [
      ("norm.weight", "is in the source and neither copied nor quantized"),
      ("b.foo", "is neither in the source nor part of a quantized layer"),
      ("a.foo", "is neither in the source nor part of a quantized layer"),
    ] {
      #expect(found.contains { $0.place == place && $0.message == message }, "\(found)")
    }
    let without = try findings(
      Self.plain, "int-quantized", Self.plainWeights, source: [norm])
    #expect(
      without.contains { $0.place == "a" && $0.message.contains("no weight in the source") })
    let other = TinyTensor("a.weight", "F32", [3, 2], words: Array(repeating: 0, count: 6))
    let turned = try findings(Self.plain, "int-quantized", Self.plainWeights, source: [other])
    #expect(
      turned.contains { $0.place == "a.weight" && $0.message.contains("the source has [3, 2]") })
  }

  /// An expression whose time doubles with each character of a name is given up.
  @Test(.timeLimit(.minutes(1)), arguments: ["re:(a+)+$", "re:(a|a)*$", "re:(a|aa)+$"])
  func costlyPatternsAreGivenUp(_ pattern: String) throws {
    let name = String(repeating: "a", count: 60) + "!"
    let tensors = Self.plain + [TinyTensor("\(name).weight", "F32", [1, 1], words: [0])]
    let found = try findings(
      tensors, "int-quantized", Self.plainWeights, ignore: "[\"\(pattern)\"]")
    #expect(found.contains { $0.message.contains("takes too long") }, "\(found)")
    let long = "\"re:\(String(repeating: "a", count: 3000))\""
    let refused = try findings(
      Self.plain, "int-quantized", Self.plainWeights, ignore: "[\(long), \"re:(\"]")
    #expect(refused.map(\.message).contains { $0.contains("too long for a regular expression") })
    #expect(refused.map(\.message).contains("'re:(' is not a regular expression"))
  }

  /// A format, what the configuration says of its weights, and what it must be.
  @Test(arguments: [
    ("pack-quantized", "float", 8, "expected int for"),
    ("float-quantized", "int", 8, "expected float of 8 bits"),
    ("mxfp4-pack-quantized", "float", 8, "expected float of 4 bits"),
    ("nvfp4-pack-quantized", "int", 4, "expected float of 4 bits"),
  ])
  func formatsHaveTheirWeights(_ format: String, _ type: String, _ bitCount: Int, _ message: String)
    throws
  {
    let weights =
      #"{"num_bits": \#(bitCount), "type": "\#(type)", "symmetric": true, "strategy": "channel"}"#
    let found = try findings(Self.plain, format, weights)
    #expect(found.contains { $0.kind == .contract && $0.message.contains(message) }, "\(found)")
  }
}
