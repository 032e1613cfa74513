import Checkpoints
import Diagnostics
import Foundation
import TestSupport
import Testing

/// One file for each way to be invalid; each must be refused with its own reason.
@Suite struct MalformedSafetensorsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let code: InputError.Code
    let mentioned: [String]

    init(
      _ name: String, _ bytes: [UInt8], _ code: InputError.Code = .malformed, _ mentioned: String...
    ) {
      (testDescription, self.bytes, self.code, self.mentioned) = (name, bytes, code, mentioned)
    }

    /// A file with one tensor `a` described by `members`, and `data` bytes.
    init(
      _ name: String, tensor members: String, data: Int = 4, _ code: InputError.Code = .malformed,
      _ mentioned: String...
    ) {
      testDescription = name
      bytes = safetensorsBytes(#"{"a":{\#(members)}}"#, data: data)
      (self.code, self.mentioned) = (code, ["tensor 'a'"] + mentioned)
    }
  }

  static let files: [Case] = [
    Case("empty file", [], .malformed, "0 bytes"),
    Case("seven bytes", [1, 2, 3, 4, 5, 6, 7], .malformed, "7 bytes"),
    Case(
      "header longer than the file", safetensorsBytes("{}", declaredSize: 3), .malformed, "cut off"),
    Case(
      "header over the limit", safetensorsBytes("{}", declaredSize: 100_000_001), .malformed,
      "100000001"),
    Case(
      "header size of 2^63", safetensorsBytes("{}", declaredSize: 1 << 63), .malformed,
      "9223372036854775808"),
    Case(
      "header size that wraps", safetensorsBytes("{}", declaredSize: .max - 7), .malformed, "header"
    ),
    Case("empty header", safetensorsBytes(""), .malformed, "'{'"),
    Case(
      "Git LFS pointer", Array("version https://git-lfs.github.com/spec/v1\noid sha256:0".utf8),
      .malformed, "git lfs pull"),
    Case(
      "a zip archive", Array("PK\u{3}\u{4}  and so on, as PyTorch writes it".utf8), .malformed,
      "header"),
    Case("leading space", safetensorsBytes(" {}"), .malformed, "'{'"),
    Case("byte order mark", safetensorsBytes("\u{FEFF}{}"), .malformed, "'{'"),
    Case("an array", safetensorsBytes("[]"), .malformed, "'{'"),
    Case("cut JSON", safetensorsBytes(#"{"a":{"dtype":"F3"#), .malformed, "header"),
    Case("no JSON", safetensorsBytes("{a:1}"), .malformed, "header"),
    Case("text after the header", safetensorsBytes("{} x"), .malformed, "header"),
    Case("two objects", safetensorsBytes("{}{}"), .malformed, "header"),
    Case("NUL padding", safetensorsBytes("{}\0\0"), .malformed, "header"),
    Case(
      "not UTF-8",
      withUnsafeBytes(of: UInt64(6).littleEndian) { Array($0) } + [
        0x7B, 0x22, 0xFF, 0x22, 0x7D, 0x20,
      ], .malformed, "UTF-8"),
    Case(
      "deep nesting", safetensorsBytes(#"{"a":{"x":"# + String(repeating: "[", count: 100_000)),
      .malformed, "nested"),
    Case(
      "repeated name",
      safetensorsBytes(
        #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
        data: 2), .malformed, "'a' occurs twice"),
    Case(
      "equivalent names",
      safetensorsBytes(
        "{\"\u{E9}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"e\u{301}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
        data: 2), .malformed, "twice"),
    Case(
      "repeated metadata", safetensorsBytes(#"{"__metadata__":{},"__metadata__":{}}"#), .malformed,
      "twice"),
    Case(
      "repeated metadata key", safetensorsBytes(#"{"__metadata__":{"a":"1","a":"2"}}"#), .malformed,
      "twice"),
    Case("metadata number", safetensorsBytes(#"{"__metadata__":{"a":1}}"#), .malformed, "a string"),
    Case(
      "metadata object", safetensorsBytes(#"{"__metadata__":{"a":{}}}"#), .malformed, "a string"),
    Case("metadata string", safetensorsBytes(#"{"__metadata__":"pt"}"#), .malformed, "an object"),
    Case("tensor is no object", safetensorsBytes(#"{"a":[]}"#), .malformed, "'a'", "an object"),
    Case("no dtype", tensor: #""shape":[1],"data_offsets":[0,4]"#, .malformed, "'dtype'"),
    Case("no shape", tensor: #""dtype":"F32","data_offsets":[0,4]"#, .malformed, "'shape'"),
    Case("no offsets", tensor: #""dtype":"F32","shape":[1]"#, .malformed, "'data_offsets'"),
    Case(
      "repeated shape", tensor: #""dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]"#,
      .malformed, "repeated"),
    Case(
      "dtype is a number", tensor: #""dtype":32,"shape":[1],"data_offsets":[0,4]"#, .malformed,
      "a string"),
    Case(
      "unknown dtype", tensor: #""dtype":"F128","shape":[1],"data_offsets":[0,4]"#, .unsupported,
      "'F128'"),
    Case(
      "complex dtype", tensor: #""dtype":"C64","shape":[1],"data_offsets":[0,8]"#, data: 8,
      .unsupported, "'C64'"),
    Case(
      "sub-byte dtype", tensor: #""dtype":"F4","shape":[2],"data_offsets":[0,1]"#, data: 1,
      .unsupported, "'F4'"),
    Case(
      "lower-case dtype", tensor: #""dtype":"f32","shape":[1],"data_offsets":[0,4]"#, .unsupported,
      "'f32'"),
    Case(
      "shape is a number", tensor: #""dtype":"F32","shape":1,"data_offsets":[0,4]"#, .malformed,
      "an array"),
    Case(
      "negative extent", tensor: #""dtype":"F32","shape":[-1],"data_offsets":[0,4]"#, .malformed,
      "'-1'"),
    Case(
      "fractional extent", tensor: #""dtype":"F32","shape":[1.0],"data_offsets":[0,4]"#, .malformed,
      "integer"),
    Case(
      "minus zero", tensor: #""dtype":"U8","shape":[0],"data_offsets":[-0,0]"#, .malformed, "'-0'"),
    Case(
      "exponent", tensor: #""dtype":"F32","shape":[1e0],"data_offsets":[0,4]"#, .malformed,
      "integer"),
    Case(
      "extent as text", tensor: #""dtype":"F32","shape":["1"],"data_offsets":[0,4]"#, .malformed),
    Case(
      "one offset", tensor: #""dtype":"F32","shape":[1],"data_offsets":[4]"#, .malformed,
      "'data_offsets'"),
    Case(
      "three offsets", tensor: #""dtype":"F32","shape":[1],"data_offsets":[0,4,8]"#, .malformed,
      "'data_offsets'"),
    Case(
      "negative offset", tensor: #""dtype":"F32","shape":[1],"data_offsets":[-4,0]"#, .malformed,
      "'-4'"),
    Case(
      "offset of 2^63",
      tensor: #""dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775808]"#, .malformed,
      "integer"),
    Case(
      "offset of 2^64",
      tensor: #""dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551620]"#, .malformed,
      "integer"),
    Case(
      "end before begin", tensor: #""dtype":"F32","shape":[1],"data_offsets":[4,0]"#, .malformed,
      "'data_offsets'"),
    Case(
      "begin and end at the limit",
      tensor: #""dtype":"U8","shape":[0],"data_offsets":[9223372036854775807,9223372036854775807]"#,
      .malformed, "belong to no tensor"),
    Case(
      "span too small", tensor: #""dtype":"F32","shape":[2],"data_offsets":[0,4]"#, .malformed,
      "4 bytes", "take 8"),
    Case(
      "span too large", tensor: #""dtype":"F32","shape":[],"data_offsets":[0,8]"#, data: 8,
      .malformed, "8 bytes", "take 4"),
    Case(
      "product that wraps to a small number",
      tensor: #""dtype":"U8","shape":[4194305,4194305,211106198978564],"data_offsets":[0,4]"#,
      .malformed, "too many"),
    Case(
      "product that wraps to zero",
      tensor: #""dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]"#, data: 0,
      .malformed, "too many"),
    Case(
      "bytes that overflow",
      tensor: #""dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]"#, data: 0,
      .malformed, "too many"),
    Case(
      "overflow beside a zero",
      tensor: #""dtype":"F64","shape":[0,4611686018427387904,4],"data_offsets":[0,0]"#, data: 0,
      .malformed, "too many"),
    Case(
      "data past the end", tensor: #""dtype":"F32","shape":[1],"data_offsets":[0,4]"#, data: 3,
      .malformed, "cut off"),
    Case(
      "trailing bytes",
      safetensorsBytes(#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, data: 5),
      .malformed, "1 bytes"),
    Case("data without tensors", safetensorsBytes("{}", data: 1), .malformed, "1 bytes"),
    Case(
      "hole at the start", tensor: #""dtype":"U8","shape":[1],"data_offsets":[1,2]"#, data: 2,
      .malformed, "bytes 0 to 1"),
    Case(
      "hole in the middle",
      safetensorsBytes(
        #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
        data: 3), .malformed, "'b'", "bytes 1 to 2"),
    Case(
      "overlap",
      safetensorsBytes(
        #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
        data: 3), .malformed, "'b'", "overlaps", "'a'"),
    Case(
      "two names for one span",
      safetensorsBytes(
        #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
        data: 2), .malformed, "overlaps"),
    Case(
      "empty tensor inside another",
      safetensorsBytes(
        #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}"#,
        data: 2), .malformed, "'b'", "overlaps"),
  ]

  @Test(arguments: files)
  func isRefusedWithItsReason(file: Case) throws {
    try withTemporaryFolder { folder in
      let url = try write(file.bytes, to: "bad.safetensors", in: folder)
      expectInputError(file.code, mentioning: [url.path] + file.mentioned) {
        try SafetensorsFile(opening: url)
      }
    }
  }

  /// As many tensors as a header has room for, which all claim the same bytes.
  @Test func manyTensorsOnOneSpanAreRefusedAtOnce() throws {
    let tensors = (0..<50_000).map {
      #""t\#($0)":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#
    }
    let bytes = safetensorsBytes("{\(tensors.joined(separator: ","))}", data: 4)
    try withTemporaryFolder { folder in
      let file = try write(bytes, to: "model.safetensors", in: folder)
      let start = ContinuousClock.now
      expectInputError(.malformed, mentioning: ["overlaps"]) { try SafetensorsFile(opening: file) }
      #expect(ContinuousClock.now - start < .seconds(5))
    }
  }

  @Test func everyCutOfAFileIsRefused() throws {
    let bytes = safetensorsBytes(
      #"{"a":{"dtype":"F16","shape":[3],"data_offsets":[0,6]}}"#, data: 6)
    try withTemporaryFolder { folder in
      for count in 0..<bytes.count {
        let url = try write(Array(bytes.prefix(count)), to: "cut.safetensors", in: folder)
        expectInputError(.malformed) { try SafetensorsFile(opening: url) }
      }
    }
  }

  @Test func namesInErrorsStayOnOneLineAndShort() throws {
    let name = "\\n\\u001b[31m" + String(repeating: "x", count: 100_000)
    let bytes = safetensorsBytes(#"{"\#(name)":{"dtype":"?","shape":[],"data_offsets":[0,0]}}"#)
    try withTemporaryFolder { folder in
      let url = try write(bytes, to: "long.safetensors", in: folder)
      let error = expectInputError(.unsupported) { try SafetensorsFile(opening: url) }
      let text = error?.description ?? ""
      #expect(text.count < 600)
      #expect(!text.contains("\n") && !text.contains("\u{1B}"))
    }
  }
}
