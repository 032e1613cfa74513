import Diagnostics
import JSONText
import Testing

@Suite struct JSONAccessTests {
  @Test func readsNumbersAsTheyFit() {
    #expect(JSONValue.number("9223372036854775807").intValue == .max)
    #expect(JSONValue.number("9223372036854775808").intValue == nil)
    #expect(JSONValue.number("1000000000000000019884624838656").intValue == nil)
    #expect(JSONValue.number("1000000000000000019884624838656").doubleValue == 1e30)
    #expect(JSONValue.number("12.0").intValue == 12)
    #expect(JSONValue.number("1e3").intValue == 1000)
    #expect(JSONValue.number("12.5").intValue == nil)
    #expect(JSONValue.number("1e999").doubleValue == nil)
    #expect(JSONValue.number("-0").intValue == 0)
    #expect(JSONValue.string("1").intValue == nil)
  }

  @Test func givesNilForOtherKinds() {
    let values: [JSONValue] = [nil, true, 1, "s", [1], ["k": 1]]
    #expect(values.map(\.isNull) == [true, false, false, false, false, false])
    #expect(values.map { $0.boolValue != nil } == [false, true, false, false, false, false])
    #expect(values.map { $0.doubleValue != nil } == [false, false, true, false, false, false])
    #expect(values.map { $0.stringValue != nil } == [false, false, false, true, false, false])
    #expect(values.map { $0.arrayValue != nil } == [false, false, false, false, true, false])
    #expect(values.map { $0["k"] != nil } == [false, false, false, false, false, true])
  }

  static let configuration = JSONReader([
    "size": 64, "rate": 0.5, "name": "x", "tied": true, "nothing": nil,
    "layers": [["width": 1], ["width": "wide"]],
  ])

  @Test func readsConfigurations() throws {
    let root = Self.configuration
    #expect(try root.required("size").int() == 64)
    #expect(try root.required("size").double() == 64)
    #expect(try root.required("rate").double() == 0.5)
    #expect(try root.required("name").string() == "x")
    #expect(try root.required("tied").bool())
    #expect(try root.optional("nothing")?.value == nil)
    #expect(try root.optional("absent")?.value == nil)
    #expect(try root.required("layers").elements()[0].required("width").int(in: 1...1) == 1)
    #expect(try root.members().map(\.key) == ["size", "rate", "name", "tied", "nothing", "layers"])
  }

  @Test func namesThePathInErrors() throws {
    func message(_ body: (JSONReader) throws -> Any) -> String? {
      do {
        _ = try body(Self.configuration)
        return nil
      } catch { return "\(error)" }
    }
    #expect(message { try $0.required("absent") } == "absent: is missing")
    #expect(
      message { try $0.required("layers").elements()[1].required("width").int() }
        == #"layers[1].width: found "wide", expected an integer"#)
    #expect(
      message { try $0.required("layers").elements()[0].required("depth") }
        == "layers[0].depth: is missing")
    #expect(
      message { try $0.required("size").int(in: 1...8) }
        == "size: found 64, expected an integer from 1 to 8")
    #expect(
      message { try $0.required("layers").string() }
        == "layers: found an array of 2, expected a string")
    #expect(message { try $0.required("rate").int() } == "rate: found 0.5, expected an integer")
    #expect(
      message { try $0.required("name").optional("k") as Any }
        == #"name: found "x", expected an object"#)
    #expect(
      message { _ in try JSONReader([1]).members() } == "found an array of 1, expected an object")
  }
}
