import Foundation
import JSONText
import TestSupport
import Testing
import Verification

/// Damage that is found in a checkpoint of any format, without a source and without a record.
@Suite struct FormatDamageTests {
  /// Not a number, in the last bytes of an element.
  private static func notANumber(_ dtype: String) -> [UInt8]? {
    switch dtype {
    case "F32", "BF16": [0xC0, 0x7F]
    case "F16": [0x00, 0x7E]
    case "F8_E4M3": [0x7F]
    case "U8", "F8_E8M0": [0xFF]
    default: nil
    }
  }

  @Test(arguments: ReferenceCheckpoint.formats)
  func aScaleThatIsNotANumberIsNamed(_ format: String) throws {
    try ReferenceCheckpoint.withCopy(format) { folder in
      let file = folder.appending(path: "model.safetensors")
      let whole = try TensorParts(file)
      let scales = whole.header.filter { $0.key.hasSuffix("_scale") }
      #expect(scales.count >= 10)
      for scale in scales {
        var parts = whole
        let dtype = try #require(scale.value["dtype"]?.stringValue)
        let bytes = try #require(Self.notANumber(dtype))
        let end = try parts.range(scale.key).upperBound
        parts.data.replaceSubrange(end - bytes.count..<end, with: bytes)
        try parts.write(to: file)
        let found = Verifier(folder).run().findings
        #expect(
          found.contains {
            $0.kind == .damage && $0.place == scale.key
              && ($0.message.lowercased().contains("nan")
                || $0.message.contains("not a number"))
          }, "\(scale.key): \(found)")
      }
    }
  }

  @Test(arguments: ReferenceCheckpoint.formats)
  func anyMissingTensorIsNamed(_ format: String) throws {
    try ReferenceCheckpoint.withCopy(format) { folder in
      let file = folder.appending(path: "model.safetensors")
      let whole = try TensorParts(file)
      // The reference leaves some notes of its own behind, which nobody reads.
      for name in whole.header.map(\.key)
      where name != "__metadata__" && !name.hasSuffix("act_max_scale") {
        var parts = whole
        try parts.remove(name)
        try parts.write(to: file)
        // What was not quantized is missed as a layer.
        let isWeight = name.hasSuffix(".weight")
        let module = name.split(separator: ".").dropLast().joined(separator: ".")
        let found = Verifier(folder).run().findings
        #expect(
          found.contains {
            $0.kind == .damage && ($0.place == name || $0.place == module && isWeight)
              && $0.message.contains("is missing")
          }, "\(name): \(found)")
      }
    }
  }
}
